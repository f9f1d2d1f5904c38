import { expect } from "vitest";
import { BanditError } from "../../src/domain/errors.ts";
import { type AgentType, parseAgentType } from "../../src/domain/ids.ts";
import type { Policy } from "../../src/domain/policy.ts";
import type { Variant } from "../../src/domain/variant.ts";
import type { Catalogue, NewVariant, VariantChange } from "../../src/ports/catalogue.ts";
import { wholePolicy } from "../support/catalogue-samples.ts";

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

export const policy: Policy = wholePolicy;

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
  ...names: [string, ...string[]]
): Promise<{ agentType: AgentType; variants: Variant[] }> {
  const agentType = freshAgentType();
  const [first, ...others] = names;
  const variants = [newVariant(first), ...others.map((name) => newVariant(name))] as const;
  const input = { agentType, description: "made by a test", policy, variants };
  await catalogue.createAgentType(input, actor);
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
    changeVariant: (...[input, decide]: WithoutActor<Parameters<Catalogue["changeVariant"]>>) =>
      catalogue().changeVariant(input, decide, actor),
    setMode: (input: Parameters<Catalogue["setMode"]>[0]) => catalogue().setMode(input, actor),
  };
}

type WithoutActor<Args> = Args extends [infer Input, infer Decide, ...unknown[]]
  ? [Input, Decide]
  : never;

/** @param reason any, when it is not given */
export async function expectBanditError(
  work: Promise<unknown>,
  code: BanditError["code"],
  reason?: string,
): Promise<BanditError> {
  const error = await work.then(
    () => new Error("it resolved"),
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(BanditError);
  expect(error).toMatchObject({ code, ...(reason === undefined ? {} : { reason }) });
  return error as BanditError;
}

/** The work fails as unavailable, before that time is over. */
export async function expectUnavailable(
  work: Promise<unknown>,
  withinMs: number,
): Promise<BanditError> {
  const startedMs = performance.now();
  const error = await expectBanditError(work, "unavailable");
  expect(performance.now() - startedMs).toBeLessThan(withinMs);
  return error;
}
