import type { ArmPosterior } from "../../bandit/arm-posterior.ts";
import type { DecisionSource } from "../../domain/decision.ts";
import type { AgentType, CodeType, GenerationId, OutcomeId, VariantId } from "../../domain/ids.ts";
import type { GenerationReport, Outcome, OutcomeStatus } from "../../domain/outcome.ts";
import type { Mode, Policy } from "../../domain/policy.ts";
import type { Variant } from "../../domain/variant.ts";
import type { CallContext } from "./call-context.ts";

/** Deciding and reporting, as `DecisionService` of the contract. */
export interface DecisionApi {
  selectVariant(request: SelectRequest, context: CallContext): Promise<Decision>;
  recordGeneration(report: GenerationReport, context: CallContext): Promise<RecordResult>;
  recordOutcome(outcome: Outcome, context: CallContext): Promise<OutcomeResult>;
  getAllocation(request: AllocationRequest, context: CallContext): Promise<AllocationView>;
}

export interface SelectRequest {
  readonly agentType: AgentType;
  readonly codeType: CodeType;
  readonly agentId: string;
  readonly conversationId: string;
  /** Makes the call idempotent: the same id always gets the same answer. */
  readonly generationId?: GenerationId;
  readonly features: Readonly<Record<string, number>>;
  /** Empty: every arm of the pool. */
  readonly allowedVariantIds: readonly VariantId[];
  /** Asked before a decision for this variant is stored or told again; throws when the answer has no room for it. */
  readonly requireRoom?: (variant: Variant) => void;
}

export interface Decision {
  readonly generationId: GenerationId;
  readonly variant: Variant;
  readonly source: DecisionSource;
  readonly propensity: number;
  readonly allocationVersion: string;
  /** Empty when the decision belongs to no experiment. */
  readonly experimentId: string;
  readonly experimentArm: string;
  readonly degraded: boolean;
  readonly degradedReason: string;
}

/**
 * `recorded`: stored; `duplicate`: the generation was reported before, nothing changed; `late`: stored, not learned
 * from; `spooled`: kept on disk until the state store can be reached, see {@link OutcomeStatus}.
 */
export interface RecordResult {
  readonly status: "recorded" | "duplicate" | "late" | "spooled";
}

export interface OutcomeResult {
  readonly outcomeId: OutcomeId;
  readonly status: OutcomeStatus;
}

export interface AllocationRequest {
  readonly agentType: AgentType;
  readonly codeType: CodeType;
  /** Read by contextual policies only. */
  readonly features: Readonly<Record<string, number>>;
}

export interface AllocationView {
  readonly agentType: AgentType;
  readonly codeType: CodeType;
  readonly version: string;
  readonly mode: Mode;
  readonly algorithm: Policy["algorithm"];
  readonly computedAtMs: number;
  /** Half-lives that have passed for the agent type. */
  readonly forgettingPosition: number;
  /** Of the agent type's mean reward. Absent: none noticed. */
  readonly change?: RewardChange;
  readonly arms: readonly ArmView[];
}

export interface ArmView extends ArmPosterior {
  readonly name: string;
  readonly isBaseline: boolean;
  /** Probability with which this arm is served right now, holdout included. */
  readonly share: number;
  /** Prior learned from other code types. Absent: the policy's own. */
  readonly sharedPrior?: { readonly alpha: number; readonly beta: number };
  readonly change?: RewardChange;
}

/** A change of a mean reward, and when this process noticed it. */
export interface RewardChange {
  readonly noticedAtMs: number;
  readonly meanBefore: number;
  readonly meanSince: number;
}
