import { defaultPolicy } from "../../src/bandit/default-policy.ts";
import {
  type AgentType,
  type GenerationId,
  parseAgentType,
  parseCodeType,
  parseOutcomeId,
  type VariantId,
} from "../../src/domain/ids.ts";
import type { Policy, PolicyRecord } from "../../src/domain/policy.ts";
import type { BanditService } from "../../src/service/api/bandit-service.ts";
import type { AllocationView, ArmView, Decision } from "../../src/service/api/decisions.ts";

const context = { signal: new AbortController().signal, actor: "test" };

/** A generation is worth the custom metric `score`; nothing is put off and no arm has a minimum share. */
export const scorePolicy: Policy = {
  ...defaultPolicy,
  reward: {
    ...defaultPolicy.reward,
    components: [
      { metric: "score", weight: 1, min: 0, max: 1, lowerIsBetter: false, unbounded: false },
    ],
  },
  minimumShare: 0,
  attributionWindowSeconds: 3600,
  refreshIntervalMs: 0,
};

type Features = Readonly<Record<string, number>>;

export interface DecisionChoice {
  /** Serve this variant. */
  readonly only?: string;
  readonly features?: Features;
  readonly generationId?: GenerationId;
  readonly deadlineMs?: number;
}

/** An agent type of a service under test: what an agent and its operator do, with short names. */
export class LearningAgent {
  readonly agentType: AgentType;
  readonly #policy: Policy;
  #service: BanditService;

  constructor(options: { service: BanditService; name: string; policy?: Partial<Policy> }) {
    this.#service = options.service;
    this.agentType = parseAgentType(options.name);
    this.#policy = { ...scorePolicy, ...options.policy };
  }

  /** From now on by this service: after a restart, or another replica. */
  moveTo(service: BanditService): void {
    this.#service = service;
  }

  /** @param names of its variants; the first one is the baseline */
  async create(names: readonly [string, ...string[]] = ["a", "b"]): Promise<this> {
    const [first, ...rest] = names.map((name) => ({
      name,
      description: "",
      content: { promptTemplate: "t", model: "", parameters: {} },
    }));
    if (first === undefined) throw new Error("an agent type has at least one variant");
    await this.#service.catalog.createAgentType(
      {
        agentType: this.agentType,
        description: "",
        policy: this.#policy,
        variants: [first, ...rest],
      },
      context,
    );
    return this;
  }

  async addVariant(name: string, parentId?: VariantId): Promise<void> {
    await this.#service.catalog.createVariant(
      {
        agentType: this.agentType,
        name,
        description: "",
        content: { promptTemplate: "t", model: "", parameters: {} },
        status: "active",
        validateOnly: false,
        ...(parentId === undefined ? {} : { parentId }),
      },
      context,
    );
  }

  /** @param changes on top of the policy that the agent type was made with */
  setPolicy(changes: Partial<Policy>, codeType?: string): Promise<PolicyRecord> {
    return this.#service.catalog.setPolicy(
      {
        agentType: this.agentType,
        policy: { ...this.#policy, ...changes },
        validateOnly: false,
        ...(codeType === undefined ? {} : { codeType: parseCodeType(codeType) }),
      },
      context,
    );
  }

  async setMode(mode: "learning" | "frozen" | "static"): Promise<void> {
    await this.#service.catalog.setMode(
      { agentType: this.agentType, mode, reason: "test" },
      context,
    );
  }

  variantId(name: string): VariantId {
    return `${this.agentType}/${name}@1` as VariantId;
  }

  decide(
    codeType = "c",
    { only, features = {}, deadlineMs, ...choice }: DecisionChoice = {},
  ): Promise<Decision> {
    return this.#service.decisions.selectVariant(
      {
        agentType: this.agentType,
        codeType: parseCodeType(codeType),
        agentId: "",
        conversationId: "",
        features,
        allowedVariantIds: only === undefined ? [] : [this.variantId(only)],
        ...choice,
      },
      deadlineMs === undefined ? context : { ...context, deadlineMs },
    );
  }

  /** @returns the outcome's status */
  async report(
    { generationId }: { readonly generationId: GenerationId },
    score: number,
    outcome: { outcomeId?: string; occurredAtMs?: number } = {},
  ): Promise<string> {
    const { outcomeId, occurredAtMs } = outcome;
    const { status } = await this.#service.decisions.recordOutcome(
      {
        generationId,
        content: { source: "custom", metrics: { score } },
        ...(outcomeId === undefined ? {} : { outcomeId: parseOutcomeId(outcomeId) }),
        ...(occurredAtMs === undefined ? {} : { occurredAtMs }),
      },
      context,
    );
    return status;
  }

  /** A decision for that variant with an outcome. */
  async teach(codeType: string, variant: string, score: number): Promise<Decision> {
    const decision = await this.decide(codeType, { only: variant });
    await this.report(decision, score);
    return decision;
  }

  async reportCost({ generationId }: Decision, costUsd: number): Promise<void> {
    await this.#service.decisions.recordGeneration(
      { generationId, model: "m", costUsd, codeHash: "", content: "" },
      context,
    );
  }

  allocation(codeType = "c", features: Features = {}): Promise<AllocationView> {
    return this.#service.decisions.getAllocation(
      { agentType: this.agentType, codeType: parseCodeType(codeType), features },
      context,
    );
  }

  async arm(name: string, codeType = "c", features: Features = {}): Promise<ArmView> {
    const { arms } = await this.allocation(codeType, features);
    const arm = arms.find((one) => one.variantId === this.variantId(name));
    if (arm === undefined) throw new Error(`no arm ${name}`);
    return arm;
  }

  /** Rows of the event log, after everything acknowledged has reached it. */
  async rows(sql: string): Promise<readonly (readonly unknown[])[]> {
    const { rows } = await this.#service.insight.query(
      { sql, rowsMax: 10_000, timeoutMs: 20_000, fresh: true },
      context,
    );
    return rows;
  }
}
