import type { AgentType, CodeType } from "./ids.ts";

/** How posteriors become shares. */
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
    };

/** Names of the built-in metrics; any other name is a custom metric. Each has its value range in `domain/metric.ts`. */
export type MetricName = string;

/** One part of the reward: a metric, mapped onto [0,1], with a weight. */
export interface RewardComponent {
  readonly metric: MetricName;
  /** Above 0; the weights of a specification add up to at most 1, so that one generation is never more than one sample. */
  readonly weight: number;
  /** Value of the metric that counts as 0 (or as 1 when `lowerIsBetter`). Values outside are clamped. */
  readonly min: number;
  /** Value of the metric that counts as 1 (or as 0 when `lowerIsBetter`). Above `min`. */
  readonly max: number;
  readonly lowerIsBetter: boolean;
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
  readonly minimumShare: number;
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
}

/** A policy in force. `codeType` absent: the agent type's own policy; present: an override for that code type. */
export interface PolicyRecord {
  readonly agentType: AgentType;
  readonly codeType?: CodeType;
  readonly policy: Policy;
  readonly updatedAtMs: number;
  readonly etag: string;
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
