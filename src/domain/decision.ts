import type { DecisionContext } from "./contribution.ts";
import type { AgentType, CodeType, GenerationId, VariantId } from "./ids.ts";

/** Why this variant was served. */
export type DecisionSource =
  /** The arm with the largest share (or one of several with the same largest share). */
  | "exploit"
  /** Any other arm of the pool. */
  | "explore"
  | "experiment"
  /** The baseline, for the holdout share of the traffic. */
  | "holdout"
  /** The baseline, because the mode is static. */
  | "static"
  /** The baseline, because no allocation could be had. */
  | "fallback";

/** Numbered as stored; append only. */
export const decisionSources: readonly DecisionSource[] = [
  "exploit",
  "explore",
  "experiment",
  "holdout",
  "static",
  "fallback",
];

/** The experiment that a decision belongs to, and the arm it was given. Each 1 to 64 printable ASCII characters without space. */
export interface DecisionExperiment {
  readonly id: string;
  readonly arm: string;
}

/** What the state store keeps of a decision until its outcomes have come in. */
export interface DecisionRecord {
  readonly generationId: GenerationId;
  readonly agentType: AgentType;
  readonly codeType: CodeType;
  readonly variantId: VariantId;
  readonly decidedAtMs: number;
  /**
   * Until when something may be learned about this generation: a whole second, at most 2^32 − 1 of them.
   * Promised when it was decided and never changed. What it has contributed is kept that long, so only
   * that long can a repeated outcome be told from a new one, wherever the record itself is still found.
   */
  readonly retainedUntilMs: number;
  readonly source: DecisionSource;
  /** Probability with which this variant was served, (0,1]. */
  readonly propensity: number;
  /** 16 hexadecimal digits: fingerprint of the allocation drawn from. */
  readonly allocationVersion: string;
  /** Half-lives that had passed for the agent type when it was decided, ≥ 0; see `forgettingPosition`. */
  readonly forgettingPosition: number;
  /** Absent unless a contextual policy decided. */
  readonly context?: DecisionContext;
  /** Absent unless an experiment decided. */
  readonly experiment?: DecisionExperiment;
}
