import { defaultPolicy } from "../../src/bandit/default-policy.ts";
import {
  type AgentType,
  type GenerationId,
  parseAgentType,
  parseCodeType,
  parseOutcomeId,
  type VariantId,
} from "../../src/domain/ids.ts";
import type { OutcomeContent } from "../../src/domain/outcome.ts";
import type { Policy, PolicyRecord } from "../../src/domain/policy.ts";
import type { BanditService } from "../../src/service/api/bandit-service.ts";
import type { AllocationView, ArmView, Decision } from "../../src/service/api/decisions.ts";
import { callContext } from "./call-context.ts";
import { rewardComponent } from "./catalogue-samples.ts";

/** A generation is worth one metric; nothing is put off, and an hour's attribution window. */
function policyOf(metric: string): Policy {
  return {
    ...defaultPolicy,
    reward: { ...defaultPolicy.reward, components: [rewardComponent(metric, 1)] },
    attributionWindowSeconds: 3600,
    refreshIntervalMs: 0,
  };
}

/** A generation is worth the custom metric `score`; nothing is spent on exploration. */
const scorePolicy: Policy = { ...policyOf("score"), explorationShare: 0 };

/** A generation is worth 1 when CI passed. */
export const ciPolicy: Policy = policyOf("ci_passed");

const newVariant = { description: "", content: { promptTemplate: "t", model: "", parameters: {} } };

type Features = Readonly<Record<string, number>>;
type Generation = Pick<Decision, "generationId">;

export interface DecisionChoice {
  /** Serve this variant. */
  readonly only?: string;
  readonly features?: Features;
  readonly generationId?: GenerationId;
  readonly deadlineMs?: number;
}

export interface OutcomeChoice {
  readonly outcomeId?: string;
  readonly occurredAtMs?: number;
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
    const [first, ...rest] = names.map((name) => ({ name, ...newVariant }));
    if (first === undefined) throw new Error("an agent type has at least one variant");
    const { agentType } = this;
    await this.#service.catalog.createAgentType(
      { agentType, description: "", policy: this.#policy, variants: [first, ...rest] },
      callContext,
    );
    return this;
  }

  async addVariant(name: string, parentId: VariantId): Promise<void> {
    const { agentType } = this;
    await this.#service.catalog.createVariant(
      { ...newVariant, agentType, name, status: "active", validateOnly: false, parentId },
      callContext,
    );
  }

  /** @param changes on top of the policy that the agent type was made with */
  setPolicy(changes: Partial<Policy>, codeType?: string): Promise<PolicyRecord> {
    return this.replacePolicy({ ...this.#policy, ...changes }, codeType);
  }

  replacePolicy(policy: Policy, codeType?: string): Promise<PolicyRecord> {
    const scope = codeType === undefined ? {} : { codeType: parseCodeType(codeType) };
    return this.#service.catalog.setPolicy(
      { agentType: this.agentType, policy, validateOnly: false, ...scope },
      callContext,
    );
  }

  async deletePolicy(codeType: string): Promise<void> {
    const scope = { agentType: this.agentType, codeType: parseCodeType(codeType) };
    await this.#service.catalog.deletePolicy(scope, callContext);
  }

  async setMode(mode: "learning" | "frozen" | "static"): Promise<void> {
    const request = { agentType: this.agentType, mode, reason: "test" };
    await this.#service.catalog.setMode(request, callContext);
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
      deadlineMs === undefined ? callContext : { ...callContext, deadlineMs },
    );
  }

  /** @returns the outcome's status */
  async recordOutcome(
    { generationId }: Generation,
    content: OutcomeContent,
    { outcomeId, deadlineMs, ...occurred }: OutcomeChoice = {},
  ): Promise<string> {
    const id = outcomeId === undefined ? {} : { outcomeId: parseOutcomeId(outcomeId) };
    const { status } = await this.#service.decisions.recordOutcome(
      { generationId, content, ...id, ...occurred },
      deadlineMs === undefined ? callContext : { ...callContext, deadlineMs },
    );
    return status;
  }

  report(generation: Generation, score: number, choice?: OutcomeChoice): Promise<string> {
    return this.recordOutcome(generation, { source: "custom", metrics: { score } }, choice);
  }

  reportCi(generation: Generation, choice?: OutcomeChoice, passed = true): Promise<string> {
    return this.recordOutcome(generation, { source: "ci", passed, pipeline: "", url: "" }, choice);
  }

  /** @returns the status of the report on what was generated */
  async reportRun(
    { generationId }: Generation,
    run: { readonly costUsd?: number; readonly content?: string } = {},
  ): Promise<string> {
    const report = { generationId, model: "m", codeHash: "", content: "", ...run };
    return (await this.#service.decisions.recordGeneration(report, callContext)).status;
  }

  /** A decision for that variant with an outcome. */
  async teach(codeType: string, variant: string, score: number): Promise<Decision> {
    const decision = await this.decide(codeType, { only: variant });
    await this.report(decision, score);
    return decision;
  }

  allocation(codeType = "c", features: Features = {}): Promise<AllocationView> {
    const request = { agentType: this.agentType, codeType: parseCodeType(codeType), features };
    return this.#service.decisions.getAllocation(request, callContext);
  }

  async arm(name: string, codeType = "c", features: Features = {}): Promise<ArmView> {
    const { arms } = await this.allocation(codeType, features);
    const arm = arms.find((one) => one.variantId === this.variantId(name));
    if (arm === undefined) throw new Error(`no arm ${name}`);
    return arm;
  }

  /** Generations that were learned from. */
  async generations(codeType = "c"): Promise<number> {
    const { arms } = await this.allocation(codeType);
    return arms.reduce((sum, arm) => sum + arm.generations, 0);
  }

  /** Rows of the event log, after everything acknowledged has reached it. */
  async rows(sql: string): Promise<readonly (readonly unknown[])[]> {
    const request = { sql, rowsMax: 10_000, timeoutMs: 20_000, fresh: true };
    return (await this.#service.insight.query(request, callContext)).rows;
  }
}
