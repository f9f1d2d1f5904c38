import type { Result } from "../result.ts";
import type { WeightSummary } from "./overlap.ts";

/** A number with its uncertainty: low ≤ value ≤ high, all finite. */
export interface ValueEstimate {
  /** Mean reward per row. */
  readonly value: number;
  /** Above 0. */
  readonly standardError: number;
  /** value ± the normal quantile of the level · standardError. */
  readonly low: number;
  readonly high: number;
}

/** An estimator's answer, with the weights that it puts on the rows. For the direct method those of the log. */
export interface OffPolicyEstimate extends ValueEstimate, WeightSummary {}

export interface SwitchEstimate extends OffPolicyEstimate {
  /** Largest weight that is corrected; undefined when no row was left out, so that this is doubly robust. */
  readonly threshold: number | undefined;
  /** How far the rows left to the model may have moved the value; the interval does not hold it. */
  readonly biasBound: number;
}

export interface Diagnostics extends WeightSummary {
  readonly rows: number;
  readonly contexts: number;
  /** Arms of the candidate policy that the log served. */
  readonly candidateArmsServed: number;
  /** Arms of the log that the candidate policy does not know: it serves them with probability 0. */
  readonly otherArms: number;
  /** Share of the candidate's probability on arms that the log never served in that context, [0,1]. */
  readonly unservedShare: number;
  /**
   * Rows that the standard errors rest on, (Σu²)² / Σu⁴ with u = w(r − SNIPS); for rare 0/1 rewards about the
   * number of successes that count. Below some 30, intervals cover less than they claim. 0 without any spread.
   */
  readonly standardErrorRows: number;
}

/** What a log says about a candidate policy, estimator by estimator. */
export interface Evaluation {
  /** Plain mean reward of the log: the value of the policy that made it. */
  readonly onPolicy: Result<ValueEstimate>;
  readonly diagnostics: Diagnostics;
  /** Inverse propensity score (Horvitz & Thompson 1952). */
  readonly ips: Result<OffPolicyEstimate>;
  /** Self-normalised IPS (Swaminathan & Joachims 2015). */
  readonly snips: Result<OffPolicyEstimate>;
  /** Direct method: the reward model alone. */
  readonly dm: Result<OffPolicyEstimate>;
  /** Doubly robust (Dudík, Langford & Li 2011; Dudík, Erhan, Langford & Li 2014). */
  readonly dr: Result<OffPolicyEstimate>;
  /** Switch-DR (Wang, Agarwal & Dudík 2017). */
  readonly switchDr: Result<SwitchEstimate>;
}
