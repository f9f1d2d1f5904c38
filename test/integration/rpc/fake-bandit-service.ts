import { BanditError } from "../../../src/domain/errors.ts";
import type { AgentType, GenerationId, OutcomeId, VariantId } from "../../../src/domain/ids.ts";
import type { GenerationReport, Outcome } from "../../../src/domain/outcome.ts";
import type { PolicyRecord } from "../../../src/domain/policy.ts";
import type { Variant } from "../../../src/domain/variant.ts";
import type { DeadLetter } from "../../../src/ports/dead-letters.ts";
import type { BanditService } from "../../../src/service/api/bandit-service.ts";
import type { CallContext } from "../../../src/service/api/call-context.ts";
import type {
  CatalogApi,
  NewAgentType,
  NewVariantRequest,
  SetPolicyRequest,
} from "../../../src/service/api/catalog.ts";
import type { DeadLetterApi } from "../../../src/service/api/dead-letters.ts";
import type { Decision, DecisionApi, SelectRequest } from "../../../src/service/api/decisions.ts";
import type { InsightApi } from "../../../src/service/api/insight.ts";
import type { RebuildRequest, RebuildStep, RepairApi } from "../../../src/service/api/repair.ts";

export const knownGenerationId = "019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b" as GenerationId;
const evolution = "evolution" as AgentType;

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
  createdAtMs: 1_763_856_000_000,
  updatedAtMs: 1_763_856_000_500,
  etag: "e1",
};

export const sampleDeadLetter: DeadLetter = {
  id: "0123456789abcdef0123456789abcdef",
  kind: "outcomes",
  content: '{"outcome_id": "ä"}',
  error: "Cannot parse UUID",
  failedAtMs: 1_763_856_000_123,
  attempts: 2,
};

/**
 * Answers as the service would, from nothing, and remembers what reached it: whatever a test sends
 * that breaks the contract must not show up in `calls`.
 */
export class FakeBanditService
  implements BanditService, DecisionApi, CatalogApi, InsightApi, DeadLetterApi, RepairApi
{
  readonly decisions = this;
  readonly catalog = this;
  readonly insight = this;
  readonly deadLetters = this;
  readonly repair = this;
  readonly calls: { method: string; input: unknown; context: CallContext | undefined }[] = [];
  /** When set, every rpc fails with it. */
  failure: unknown;
  /** What selectVariant answers. */
  variant: Variant = sampleVariant;
  /** When set, selectVariant waits for it. */
  gate: Promise<void> | undefined;

  /** What a rebuild tells … */
  rebuildSteps: readonly RebuildStep[] = [];
  /** … and whether it then goes on until its caller has gone. */
  rebuildHangs = false;

  #called(method: string, input: unknown, context?: CallContext): void {
    this.calls.push({ method, input, context });
    if (this.failure !== undefined) throw this.failure;
  }

  async selectVariant(request: SelectRequest, context: CallContext): Promise<Decision> {
    this.#called("selectVariant", request, context);
    await this.gate;
    if (request.agentType !== "evolution") throw agentTypeNotFound(request.agentType);
    request.requireRoom?.(this.variant);
    return {
      generationId: request.generationId ?? knownGenerationId,
      variant: this.variant,
      source: "explore",
      propensity: 0.25,
      allocationVersion: "00112233445566ff",
      experimentId: "",
      experimentArm: "",
      degraded: false,
      degradedReason: "",
    };
  }

  async recordGeneration(report: GenerationReport, context: CallContext) {
    this.#called("recordGeneration", report, context);
    if (report.generationId !== knownGenerationId) throw generationNotFound(report.generationId);
    return { status: "recorded" } as const;
  }

  async recordOutcome(outcome: Outcome, context: CallContext) {
    this.#called("recordOutcome", outcome, context);
    if (outcome.generationId !== knownGenerationId) throw generationNotFound(outcome.generationId);
    const outcomeId = outcome.outcomeId ?? ("made-here" as OutcomeId);
    return { outcomeId, status: "applied" } as const;
  }

  async getAllocation(
    request: Parameters<BanditService["decisions"]["getAllocation"]>[0],
    context: CallContext,
  ): ReturnType<BanditService["decisions"]["getAllocation"]> {
    this.#called("getAllocation", request, context);
    const { agentType, codeType } = request;
    return {
      agentType,
      codeType,
      forgettingPosition: 0,
      version: "00112233445566ff",
      mode: "learning",
      algorithm: { kind: "epsilon_greedy", epsilon: 0.1, decayHalfLifeGenerations: 0 },
      computedAtMs: 1_763_856_000_000,
      arms: [
        {
          variantId: sampleVariant.id,
          name: sampleVariant.name,
          isBaseline: true,
          belief: { kind: "beta", alpha: 3, beta: 2 },
          expectedLoss: 0,
          effectiveWeight: 3,
          mean: 0.6,
          intervalLow: 0.2,
          intervalHigh: 0.9,
          bestProbability: 1,
          share: 1,
          generations: 3,
        },
      ],
    };
  }

  async createAgentType(request: NewAgentType, context: CallContext) {
    this.#called("createAgentType", request, context);
    return agentTypeView();
  }

  async getAgentType(agentType: AgentType) {
    this.#called("getAgentType", agentType);
    return agentTypeView();
  }

  async listAgentTypes(page: Parameters<BanditService["catalog"]["listAgentTypes"]>[0]) {
    this.#called("listAgentTypes", page);
    return { items: [agentTypeView()], nextPageToken: "more" };
  }

  async getPolicy(
    request: Parameters<BanditService["catalog"]["getPolicy"]>[0],
  ): Promise<PolicyRecord> {
    this.#called("getPolicy", request);
    throw new BanditError("not_found", "no policy", { reason: "AGENT_TYPE_NOT_FOUND" });
  }

  async setPolicy(request: SetPolicyRequest, context: CallContext): Promise<PolicyRecord> {
    this.#called("setPolicy", request, context);
    const { agentType, codeType, policy } = request;
    const scope = codeType === undefined ? { agentType } : { agentType, codeType };
    return {
      ...scope,
      policy,
      forgetting: { sinceMs: 0, position: 0 },
      featuresSinceMs: 0,
      updatedAtMs: 1_763_856_000_000,
      etag: "p2",
    };
  }

  async deletePolicy(request: unknown, context: CallContext): Promise<void> {
    this.#called("deletePolicy", request, context);
  }

  async createVariant(request: NewVariantRequest, context: CallContext): Promise<Variant> {
    this.#called("createVariant", request, context);
    return { ...sampleVariant, status: request.status };
  }

  async getVariant(variantId: VariantId): Promise<Variant> {
    this.#called("getVariant", variantId);
    return sampleVariant;
  }

  async listVariants(request: Parameters<BanditService["catalog"]["listVariants"]>[0]) {
    this.#called("listVariants", request);
    return { items: [sampleVariant], nextPageToken: "" };
  }

  async promoteVariant(request: unknown, context: CallContext): Promise<Variant> {
    this.#called("promoteVariant", request, context);
    throw new BanditError("failed_precondition", "a retired variant stays retired", {
      reason: "VARIANT_RETIRED",
    });
  }

  async retireVariant(request: unknown, context: CallContext): Promise<Variant> {
    this.#called("retireVariant", request, context);
    throw new BanditError("aborted", "somebody else was faster", { reason: "ETAG_MISMATCH" });
  }

  async getMode() {
    this.#called("getMode", undefined);
    return modes();
  }

  async setMode(request: unknown, context: CallContext) {
    this.#called("setMode", request, context);
    return modes();
  }

  async explainGeneration(
    generationId: GenerationId,
  ): ReturnType<BanditService["insight"]["explainGeneration"]> {
    this.#called("explainGeneration", generationId);
    throw generationNotFound(generationId);
  }

  async query(
    request: unknown,
    context: CallContext,
  ): ReturnType<BanditService["insight"]["query"]> {
    this.#called("query", request, context);
    return {
      columns: [{ name: "a", type: "UInt64" }],
      rows: [["18446744073709551615", 1.5, null, [true, "x"], { k: 2 }]],
      truncated: true,
      elapsedMs: 12.4,
    };
  }

  async listDeadLetters(request: Parameters<BanditService["deadLetters"]["listDeadLetters"]>[0]) {
    this.#called("listDeadLetters", request);
    const { content, ...letter } = sampleDeadLetter;
    const contentBytes = Buffer.byteLength(content);
    return { items: [{ ...letter, contentBytes }], nextPageToken: "more", total: 7 };
  }

  async getDeadLetter(id: string) {
    this.#called("getDeadLetter", id);
    return sampleDeadLetter;
  }

  async replayDeadLetters(ids: readonly string[], context: CallContext) {
    this.#called("replayDeadLetters", ids, context);
    return { replayed: 1, refused: [], unknownIds: ids.slice(1), remaining: 6 };
  }

  async dropDeadLetters(ids: readonly string[], context: CallContext) {
    this.#called("dropDeadLetters", ids, context);
    return { dropped: 1, unknownIds: ids.slice(1) };
  }

  async *rebuild(request: RebuildRequest, context: CallContext): AsyncGenerator<RebuildStep> {
    this.#called("rebuild", request, context);
    yield* this.rebuildSteps;
    if (!this.rebuildHangs) return;
    await new Promise<void>((resolve) => {
      if (context.signal.aborted) resolve();
      context.signal.addEventListener("abort", () => resolve());
    });
    this.calls.push({ method: "rebuild ended", input: request, context });
  }

  info() {
    return {
      version: "test",
      engines: { state: "sqlite", catalogue: "pglite", events: "chdb" },
      dataDirectory: "/tmp/data",
      startedAtMs: 1_763_856_000_000,
    };
  }
}

function agentTypeView() {
  return {
    agentType: evolution,
    description: "",
    mode: "learning",
    baselineVariantId: sampleVariant.id,
    activeVariants: 3,
    createdAtMs: 1_763_856_000_000,
  } as const;
}

function modes() {
  return {
    serviceMode: "learning",
    agentTypes: [{ agentType: evolution, mode: "frozen" }],
  } as const;
}

function agentTypeNotFound(agentType: string): BanditError {
  return new BanditError("not_found", `no agent type "${agentType}"; create it first`, {
    reason: "AGENT_TYPE_NOT_FOUND",
    metadata: { agent_type: agentType },
  });
}

function generationNotFound(generationId: string): BanditError {
  return new BanditError("not_found", `no generation ${generationId}`, {
    reason: "GENERATION_NOT_FOUND",
    metadata: { generation_id: generationId },
  });
}
