import type { AgentType, CodeType } from "./ids.ts";

/** How posteriors become shares. Each is documented with formula and source in docs/concepts/algorithms.md. */
export type Algorithm =
  | { readonly kind: "thompson_sampling" }
  | {
      readonly kind: "epsilon_greedy";
      /** Share of traffic spread evenly over all arms, [0,1]. */
      readonly epsilon: number;
      /**
       * Generations after which epsilon has halved: epsilon(n) = epsilon · h / (h + n), n counted over
       * all arms of the code type. 0 means it never decays.
       */
      readonly decayHalfLifeGenerations: number;
    }
  | {
      readonly kind: "gaussian_thompson";
      /** Normal–inverse-gamma prior of every arm: the mean is N(priorMean, σ²/priorStrength) … */
      readonly priorMean: number;
      /** Observations that the prior mean is worth, above 0. */
      readonly priorStrength: number;
      /** … and σ² is inverse-gamma(priorShape, priorScale); both above 0. */
      readonly priorShape: number;
      readonly priorScale: number;
    }
  | {
      readonly kind: "ucb1";
      /** c in mean + √(c · ln t / n), ≥ 0; 2 is UCB1. */
      readonly exploration: number;
    }
  | {
      readonly kind: "kl_ucb";
      /** c in n · kl(mean, index) ≤ ln t + c · ln ln t, ≥ 0. */
      readonly exploration: number;
    }
  | {
      readonly kind: "softmax";
      /** Shares are in proportion to exp(mean / temperature); above 0. */
      readonly temperature: number;
    }
  | {
      readonly kind: "top_two_thompson";
      /** Share of the arm that Thompson sampling draws first; the challenger has the rest. (0,1]. */
      readonly leaderShare: number;
    }
  | {
      readonly kind: "linear_thompson";
      /** 1 to 16 with distinct names; the intercept is added to them. */
      readonly features: readonly LinearFeature[];
      /** Prior variance of every coefficient, above 0. */
      readonly priorVariance: number;
      /** Standard deviation of a reward about its mean, above 0. */
      readonly noiseStandardDeviation: number;
    };

/** A feature of the input as linear Thompson sampling sees it: (value − mean) / scale, cut off at ±10; 0 when missing. */
export interface LinearFeature {
  readonly name: string;
  readonly mean: number;
  /** Above 0. */
  readonly scale: number;
}

/** Names of the built-in metrics; any other name is a custom metric. Each has its value range in `domain/metric.ts`. */
export type MetricName = string;

/** One part of the reward: a metric, mapped onto [0,1], with a weight. */
export interface RewardComponent {
  readonly metric: MetricName;
  /** Above 0; the weights of a specification add up to at most 1, so that one generation is never more than one sample. */
  readonly weight: number;
  /** Value of the metric that counts as 0 (or as 1 when `lowerIsBetter`). Values outside are clamped, unless `unbounded`. */
  readonly min: number;
  /** Value of the metric that counts as 1 (or as 0 when `lowerIsBetter`). Above `min`. */
  readonly max: number;
  readonly lowerIsBetter: boolean;
  /** Values outside `min` to `max` count as less than 0 or more than 1; only where rewards may be any number (`gaussian_thompson`, `linear_thompson`). */
  readonly unbounded: boolean;
}

/** How outcomes become a reward in [0,1]. */
export interface RewardSpec {
  /** 1 to 32 components with distinct metrics. */
  readonly components: readonly RewardComponent[];
  /** Reward lost per US dollar of generation cost, ≥ 0. */
  readonly costPenaltyPerUsd: number;
  /** Reward lost per second of generation time, ≥ 0. */
  readonly latencyPenaltyPerSecond: number;
}

/** What governs one agent type, or one code type of it. */
export interface Policy {
  readonly algorithm: Algorithm;
  readonly reward: RewardSpec;
  /** Share every arm gets at least, f in p = f + (1 − K·f)·w; [0, 1/K], clamped to 1/K when the pool is larger than expected. */
  readonly explorationShare: number;
  /** Share of traffic that always gets the baseline, [0, 0.5]. */
  readonly holdoutShare: number;
  /** Beta prior of every arm; both ≥ 0.5. */
  readonly priorAlpha: number;
  readonly priorBeta: number;
  /** An allocation is recomputed at most once in this many milliseconds; 0 means before every decision that follows a change. */
  readonly refreshIntervalMs: number;
  /** How long after a decision an outcome is still learned from, in seconds. */
  readonly attributionWindowSeconds: number;
  /** Learn from outcomes that come later than the attribution window too. */
  readonly learnFromLateOutcomes: boolean;
  /**
   * Time after which what was learned counts half, in seconds; 0: never forgets. One for all code types of
   * an agent type: an override has the value of the agent type's own policy.
   */
  readonly forgettingHalfLifeSeconds: number;
  /** Reward, [0,1], that a generation without any outcome gets when its attribution window closes. Absent: none. */
  readonly defaultReward?: number;
  /** Most pseudo-observations that a prior learned from other code types is worth, 0 to 1,000; 0: no sharing. */
  readonly sharedPriorStrengthMax: number;
  readonly changeDetection: ChangeDetection;
}

/** Parameters of the Page–Hinkley test on every arm's rewards and on the agent type's. */
export interface ChangeDetection {
  /** Change of the mean reward that is put up with, [0,1]. */
  readonly tolerance: number;
  /** Sum of deviations that raises the alarm, ≥ 0; 0: off. */
  readonly threshold: number;
}

/** A policy in force. `codeType` absent: the agent type's own policy; present: an override for that code type. */
export interface PolicyRecord {
  readonly agentType: AgentType;
  readonly codeType?: CodeType;
  readonly policy: Policy;
  /** Counts half-lives, see {@link forgettingPosition}. Of the agent type's own policy; an override's is not used. */
  readonly forgetting: ForgettingClock;
  /** Since when the features of `linear_thompson` are what they are: the epoch of `DecisionContext`. */
  readonly featuresSinceMs: number;
  readonly updatedAtMs: number;
  readonly etag: string;
}

/** Where forgetting stood at a moment: so many half-lives had passed. */
export interface ForgettingClock {
  readonly sinceMs: number;
  readonly position: number;
}

/**
 * `learning`: allocations follow the outcomes. `frozen`: allocations stay as they are; outcomes are
 * stored but not learned from. `static`: everybody gets the baseline (the kill switch); outcomes are
 * stored but not learned from.
 */
export type Mode = "learning" | "frozen" | "static";

/** The stricter of two modes wins: static over frozen over learning. */
export function strictestMode(a: Mode, b: Mode): Mode {
  if (a === "static" || b === "static") return "static";
  return a === "frozen" || b === "frozen" ? "frozen" : "learning";
}

/**
 * How many half-lives have passed for an agent type at `atMs`, over all half-lives it has ever had. A
 * generation keeps the position at which it was decided, and counts 2^(its position − the present one), so
 * a new half-life changes how fast is forgotten from now on and nothing of what was forgotten before.
 */
export function forgettingPosition(
  record: { readonly policy: Policy; readonly forgetting: ForgettingClock },
  atMs: number,
): number {
  const { sinceMs, position } = record.forgetting;
  const halfLifeMs = record.policy.forgettingHalfLifeSeconds * 1000;
  return halfLifeMs === 0 ? position : position + Math.max(atMs - sinceMs, 0) / halfLifeMs;
}
