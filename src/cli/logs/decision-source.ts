/** The vector that a decision was drawn from. */
export interface PropensityVector {
  /** Arms that could be served. */
  readonly arms: readonly string[];
  /** Probability of each of them. */
  readonly probabilities: readonly number[];
}

/** A logged decision for which an arm was drawn, and what it earned. */
export interface ComparedDecision {
  readonly arm: string;
  /** Decisions of one context share their propensities: the code type. Empty: the log does not tell contexts apart. */
  readonly context: string;
  /** Absent: nothing is known of it. */
  readonly reward?: number;
  /** With which the arm was served. Absent: the log does not say. */
  readonly propensity?: number;
  /** Absent: the log has no whole vectors. */
  readonly vector?: PropensityVector;
  /** Known before the decision. */
  readonly covariate?: number;
  /** Milliseconds since the Unix epoch. Absent: decisions come in their order. */
  readonly decidedAtMs?: number;
  /** True while outcomes of it still count: its reward may be to come. */
  readonly windowIsOpen: boolean;
}

/** A log whose arms are compared. */
export interface DecisionSource {
  /** e.g. the file's name. */
  readonly name: string;
  /** Why the log has no whole vectors; absent when it has. */
  readonly lacksVectors?: string;
  /** Hands out every decision. @returns how many were left out because no arm was drawn for them */
  read(take: (decision: ComparedDecision) => void): Promise<{ readonly notDrawn: number }>;
}

const rounding = 1e-12;

/** A reward that is 0 or 1 but for the rounding of a sum of weighted parts is 0 or 1. */
export function exactReward(reward: number): number {
  if (Math.abs(reward) <= rounding) return 0;
  return Math.abs(reward - 1) <= rounding ? 1 : reward;
}
