import { expect } from "vitest";
import { BanditError } from "../../src/domain/errors.ts";
import { type AgentType, parseAgentType } from "../../src/domain/ids.ts";
import type { Policy } from "../../src/domain/policy.ts";
import type { Variant } from "../../src/domain/variant.ts";
import type { Catalogue, NewVariant, VariantChange } from "../../src/ports/catalogue.ts";

/** One database with the migrations applied, for all tests of one suite; each test has its own agent types. */
export interface CatalogueFixture {
  readonly catalogue: Catalogue;
  /** Closes the catalogue and opens it again on the same data; `catalogue` is the new one. */
  reopen(): Promise<void>;
  /** Reads with SQL what the port does not show. */
  inspect(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  close(): Promise<void>;
}

export const actor = { name: "conformance" };

export const policy: Policy = {
  algorithm: { kind: "epsilon_greedy", epsilon: 0.1, decayHalfLifeGenerations: 1000 },
  reward: {
    components: [
      {
        metric: "test_pass_rate",
        weight: 0.7,
        min: 0,
        max: 1,
        lowerIsBetter: false,
        unbounded: false,
      },
      {
        metric: "edit_distance",
        weight: 0.3,
        min: 0,
        max: 400,
        lowerIsBetter: true,
        unbounded: false,
      },
    ],
    costPenaltyPerUsd: 0.25,
    latencyPenaltyPerSecond: 0.001,
  },
  minimumShare: 0.02,
  holdoutShare: 0.05,
  priorAlpha: 1.5,
  priorBeta: 0.5,
  refreshIntervalMs: 50,
  attributionWindowSeconds: 86_400,
  learnFromLateOutcomes: true,
  forgettingHalfLifeSeconds: 604_800,
  defaultReward: 0.25,
  sharedPriorStrengthMax: 20,
  changeDetection: { tolerance: 0.02, threshold: 30 },
};

export function newVariant(name: string, changes: Partial<NewVariant> = {}): NewVariant {
  return {
    name,
    description: `what is different about ${name}`,
    content: {
      promptTemplate: "Write tests for {{code}} — ünïcode, 'quotes', \"more\" and \\ backslashes\n",
      model: "model-large",
      temperature: 0.7,
      topP: 0.95,
      maxTokens: 2048,
      parameters: { style: "terse", nested: { list: [1, 2.5, null, true, "x"] } },
    },
    createdBy: "human",
    status: "active",
    ...changes,
  };
}

let agentTypes = 0;

export function freshAgentType(): AgentType {
  agentTypes += 1;
  return parseAgentType(`agent_${process.pid}_${agentTypes}`);
}

/** A new agent type whose variants have these names; the first is the baseline. */
export async function createAgentType(
  catalogue: Catalogue,
  ...names: string[]
): Promise<{ agentType: AgentType; variants: Variant[] }> {
  const agentType = freshAgentType();
  const [first = "first", ...others] = names;
  await catalogue.createAgentType(
    {
      agentType,
      description: "made by a test",
      policy,
      variants: [newVariant(first), ...others.map((name) => newVariant(name))],
    },
    actor,
  );
  return { agentType, variants: await variantsOf(catalogue, agentType) };
}

/** In the order of their names. */
export async function variantsOf(catalogue: Catalogue, agentType: AgentType): Promise<Variant[]> {
  const { variants } = await catalogue.load();
  return variants.filter((variant) => variant.agentType === agentType);
}

/** The variant as it is, with some of it changed. */
export function changeOf(
  variant: Variant | undefined,
  changes: Partial<VariantChange>,
): VariantChange {
  if (variant === undefined) throw new Error("no such variant");
  const { id, status, isBaseline } = variant;
  return { variantId: id, status, isBaseline, ...changes };
}

/** Changes of a catalogue by the suite's actor. */
export function changesOf(catalogue: () => Catalogue) {
  return {
    createType: (input: Parameters<Catalogue["createAgentType"]>[0]) =>
      catalogue().createAgentType(input, actor),
    putPolicy: (input: Parameters<Catalogue["putPolicy"]>[0]) =>
      catalogue().putPolicy(input, actor),
    deletePolicy: (input: Parameters<Catalogue["deletePolicy"]>[0]) =>
      catalogue().deletePolicy(input, actor),
    createVariant: (input: Parameters<Catalogue["createVariant"]>[0]) =>
      catalogue().createVariant(input, actor),
    setMode: (input: Parameters<Catalogue["setMode"]>[0]) => catalogue().setMode(input, actor),
  };
}

export async function expectBanditError(
  work: Promise<unknown>,
  code: BanditError["code"],
): Promise<BanditError> {
  const error = await work.then(
    () => new Error("it resolved"),
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(BanditError);
  const banditError = error as BanditError;
  expect(`${banditError.code}: ${banditError.message}`).toMatch(new RegExp(`^${code}: `));
  return banditError;
}
