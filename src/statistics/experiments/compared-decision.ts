/** The vector that a decision was drawn from. */
export interface PropensityVector {
  /** Arms that could be served. */
  readonly arms: readonly string[];
  /** Probability of each of them. */
  readonly probabilities: readonly number[];
}

/** A logged decision that drew an arm, and its reward. */
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

/** Decisions in memory, or as a reader brings them. */
export type ComparedDecisions = Iterable<ComparedDecision> | AsyncIterable<ComparedDecision>;

/** What becomes of decisions whose reward is not known: left out, or counted as 0. */
export type MissingReward = "drop" | "zero";

/** What the decisions of a comparison were. */
export interface DecisionCounts {
  readonly decisions: number;
  readonly withoutReward: number;
  /** Decisions whose reward may be to come; left out unless they were asked for. */
  readonly windowOpen: number;
  readonly rewards: "binary" | "in_range" | "out_of_range";
}

/** Which rewards count. */
export interface RewardRule {
  readonly missing: MissingReward;
  /** Early rewards count too: those of decisions whose attribution window is open. */
  readonly includeOpenWindows: boolean;
}

/** A reward this near 0 or 1 is 0 or 1: it is a sum of weighted parts that was rounded. */
const rounding = 1e-12;

/** Counts decisions, and says of each which reward counts. */
export class DecisionCounter {
  readonly #rule: RewardRule;
  #decisions = 0;
  #withoutReward = 0;
  #windowOpen = 0;
  #rewards: DecisionCounts["rewards"] = "binary";

  constructor(rule: RewardRule) {
    this.#rule = rule;
  }

  /**
   * The reward that counts; undefined when none does. While the attribution window is open there is none, whether one
   * is known or not: who has answered early depends on the arm and on the reward. With missing `zero` it is 0 where
   * none came until the window closed.
   */
  rewardOf({ reward, windowIsOpen }: ComparedDecision): number | undefined {
    this.#decisions += 1;
    if (windowIsOpen) {
      this.#windowOpen += 1;
      if (!this.#rule.includeOpenWindows) return undefined;
    }
    if (reward === undefined) {
      this.#withoutReward += 1;
      return this.#rule.missing === "zero" && !windowIsOpen ? 0 : undefined;
    }
    if (Math.abs(reward) <= rounding) return 0;
    if (Math.abs(reward - 1) <= rounding) return 1;
    if (this.#rewards !== "out_of_range") {
      this.#rewards = reward > 0 && reward < 1 ? "in_range" : "out_of_range";
    }
    return reward;
  }

  counts(): DecisionCounts {
    return {
      decisions: this.#decisions,
      withoutReward: this.#withoutReward,
      windowOpen: this.#windowOpen,
      rewards: this.#rewards,
    };
  }
}
