import { BanditError } from "../../../src/domain/errors.ts";
import type { AgentType, GenerationId, OutcomeId, VariantId } from "../../../src/domain/ids.ts";
import type { Variant } from "../../../src/domain/variant.ts";
import type { DeadLetter } from "../../../src/ports/dead-letters.ts";
import type { BanditService } from "../../../src/service/api/bandit-service.ts";
import type { CallContext } from "../../../src/service/api/call-context.ts";
import type { AgentTypeView, CatalogApi, ModeView } from "../../../src/service/api/catalog.ts";
import type { DeadLetterApi } from "../../../src/service/api/dead-letters.ts";
import type { DecisionApi } from "../../../src/service/api/decisions.ts";
import type { InsightApi } from "../../../src/service/api/insight.ts";
import type { RebuildStep, RepairApi } from "../../../src/service/api/repair.ts";
import { policyRecord } from "../../support/catalogue-samples.ts";

export const knownGenerationId = "019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b" as GenerationId;
const evolution = "evolution" as AgentType;
const atMs = 1_763_856_000_000;

export const sampleVariant: Variant = {
  id: "evolution/edge-cases-first@1" as VariantId,
  agentType: evolution,
  name: "edge-cases-first",
  version: 1,
  status: "active",
  isBaseline: true,
  description: "Edge cases before the happy path",
  promptTemplate: "Write tests for {{code}}",
  model: "some-model",
  temperature: 0.2,
  parameters: { style: "terse", limits: { tests: 12 } },
  createdBy: "human",
  createdAtMs: atMs,
  updatedAtMs: atMs + 500,
  etag: "e1",
};

export const sampleDeadLetter: DeadLetter = {
  id: "0123456789abcdef0123456789abcdef",
  kind: "outcomes",
  content: '{"outcome_id": "ä"}',
  error: "Cannot parse UUID",
  failedAtMs: atMs + 123,
  attempts: 2,
};

const agentTypeView: AgentTypeView = {
  agentType: evolution,
  description: "",
  mode: "learning",
  baselineVariantId: sampleVariant.id,
  activeVariants: 3,
  createdAtMs: atMs,
};

const modes: ModeView = {
  serviceMode: "learning",
  agentTypes: [{ agentType: evolution, mode: "frozen" }],
};

type Methods = DecisionApi & CatalogApi & DeadLetterApi & Omit<InsightApi, "info">;
/** What each method answers, or throws. */
type Answers = {
  readonly [Method in keyof Methods]: (
    ...input: Parameters<Methods[Method]>
  ) => Awaited<ReturnType<Methods[Method]>> | ReturnType<Methods[Method]>;
};

/**
 * Answers as the service would, from nothing, and remembers what reached it: whatever a test sends
 * that breaks the contract must not show up in `calls`.
 */
export interface FakeBanditService extends BanditService, Methods, InsightApi, RepairApi {
  readonly calls: { method: string; input: unknown; context: CallContext | undefined }[];
  /** When set, every rpc fails with it. */
  failure: unknown;
  /** What selectVariant answers. */
  variant: Variant;
  /** When set, selectVariant waits for it. */
  gate: Promise<void> | undefined;
  /** From now on selectVariant waits, until what is returned is called. */
  hold(): () => void;
  /** What a rebuild tells … */
  rebuildSteps: readonly RebuildStep[];
  /** … and whether it then goes on until its caller has gone. */
  rebuildHangs: boolean;
}

export function fakeBanditService(): FakeBanditService {
  const service = {
    ...{ calls: [], variant: sampleVariant, rebuildSteps: [], rebuildHangs: false },
    info: () => ({
      version: "test",
      engines: { state: "sqlite", catalogue: "pglite", events: "chdb" },
      dataDirectory: "/tmp/data",
      startedAtMs: atMs,
    }),
    hold() {
      const gate = Promise.withResolvers<void>();
      service.gate = gate.promise;
      return gate.resolve;
    },
  } as unknown as FakeBanditService;
  const called = (method: string, input: unknown, context?: CallContext): void => {
    service.calls.push({ method, input, context });
    if (service.failure !== undefined) throw service.failure;
  };
  for (const [method, answer] of Object.entries(answersOf(service))) {
    const recorded = async (input: unknown, context?: CallContext) => {
      called(method, input, context);
      return (answer as (...input: unknown[]) => unknown)(input, context);
    };
    Object.assign(service, { [method]: recorded });
  }
  async function* rebuild(...[request, context]: Parameters<RepairApi["rebuild"]>) {
    called("rebuild", request, context);
    yield* service.rebuildSteps;
    if (!service.rebuildHangs) return;
    await new Promise<void>((resolve) => {
      if (context.signal.aborted) resolve();
      context.signal.addEventListener("abort", () => resolve());
    });
    service.calls.push({ method: "rebuild ended", input: request, context });
  }
  const apis = { decisions: service, catalog: service, insight: service, deadLetters: service };
  return Object.assign(service, { ...apis, repair: service, rebuild });
}

const answersOf = (service: FakeBanditService): Answers => ({
  async selectVariant({ agentType, generationId = knownGenerationId, requireRoom }) {
    await service.gate;
    if (agentType !== "evolution") throw agentTypeNotFound(agentType);
    requireRoom?.(service.variant);
    return {
      generationId,
      variant: service.variant,
      source: "explore",
      propensity: 0.25,
      allocationVersion: "00112233445566ff",
      experimentId: "",
      experimentArm: "",
      degraded: false,
      degradedReason: "",
    };
  },
  recordGeneration({ generationId }) {
    requireKnown(generationId);
    return { status: "recorded" };
  },
  recordOutcome({ generationId, outcomeId = "made-here" as OutcomeId }) {
    requireKnown(generationId);
    return { outcomeId, status: "applied" };
  },
  getAllocation: ({ agentType, codeType }) => ({
    agentType,
    codeType,
    forgettingPosition: 0,
    version: "00112233445566ff",
    mode: "learning",
    algorithm: { kind: "epsilon_greedy", epsilon: 0.1, decayHalfLifeGenerations: 0 },
    computedAtMs: atMs,
    arms: [
      {
        variantId: sampleVariant.id,
        name: sampleVariant.name,
        isBaseline: true,
        belief: { kind: "beta", alpha: 3, beta: 2 },
        expectedLoss: 0,
        effectiveWeight: 3,
        effectiveReward: 2,
        mean: 0.6,
        intervalLow: 0.2,
        intervalHigh: 0.9,
        bestProbability: 1,
        share: 1,
        generations: 3,
      },
    ],
  }),
  createAgentType: () => agentTypeView,
  getAgentType: () => agentTypeView,
  listAgentTypes: () => ({ items: [agentTypeView], nextPageToken: "more" }),
  getPolicy: ({ agentType }) => Promise.reject(agentTypeNotFound(agentType)),
  setPolicy: ({ agentType, codeType, policy }) => {
    const scope = codeType === undefined ? { agentType } : { agentType, codeType };
    return policyRecord({ ...scope, policy, updatedAtMs: atMs, etag: "p2" });
  },
  deletePolicy: () => undefined,
  createVariant: ({ status }) => ({ ...sampleVariant, status }),
  getVariant: () => sampleVariant,
  listVariants: () => ({ items: [sampleVariant], nextPageToken: "" }),
  promoteVariant: () => {
    const reason = "VARIANT_RETIRED";
    throw new BanditError("failed_precondition", "a retired variant stays retired", { reason });
  },
  retireVariant: () => {
    throw new BanditError("aborted", "somebody else was faster", { reason: "ETAG_MISMATCH" });
  },
  getMode: () => modes,
  setMode: () => modes,
  explainGeneration: (generationId) => Promise.reject(generationNotFound(generationId)),
  query: () => ({
    columns: [{ name: "a", type: "UInt64" }],
    rows: [["18446744073709551615", 1.5, null, [true, "x"], { k: 2 }]],
    truncated: true,
    elapsedMs: 12.4,
  }),
  listDeadLetters: () => {
    const { content, ...letter } = sampleDeadLetter;
    const summary = { ...letter, contentBytes: Buffer.byteLength(content) };
    return { items: [summary], nextPageToken: "more", total: 7 };
  },
  getDeadLetter: () => sampleDeadLetter,
  replayDeadLetters: (ids) => {
    return { replayed: 1, refused: [], unknownIds: ids.slice(1), remaining: 6 };
  },
  dropDeadLetters: (ids) => ({ dropped: 1, unknownIds: ids.slice(1) }),
});

function agentTypeNotFound(agentType: string): BanditError {
  return new BanditError("not_found", `no agent type "${agentType}"; create it first`, {
    reason: "AGENT_TYPE_NOT_FOUND",
    metadata: { agent_type: agentType },
  });
}

function requireKnown(generationId: string): void {
  if (generationId !== knownGenerationId) throw generationNotFound(generationId);
}

function generationNotFound(generationId: string): BanditError {
  return new BanditError("not_found", `no generation ${generationId}`, {
    reason: "GENERATION_NOT_FOUND",
    metadata: { generation_id: generationId },
  });
}
