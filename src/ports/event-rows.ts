/**
 * The rows of the event log, with ClickHouse's column names. A row is serialised once, when the thing
 * happened, and travels as that text through the outbox into ClickHouse, so that every retry is
 * byte for byte the same row. Times are 'YYYY-MM-DD hh:mm:ss.mmm' in UTC.
 */
export type EventStream = "decisions" | "generations" | "outcomes";

export const eventStreams: readonly EventStream[] = ["decisions", "generations", "outcomes"];

export interface DecisionRow {
  readonly generation_id: string;
  readonly agent_type: string;
  readonly code_type: string;
  readonly agent_id: string;
  readonly conversation_id: string;
  readonly variant_id: string;
  /** exploit, explore, experiment, holdout, static, fallback */
  readonly source: string;
  readonly propensity: number;
  readonly allocation_version: string;
  /** Every arm that could have been served, sorted by id … */
  readonly arm_variant_ids: readonly string[];
  /** … and the probability of each; adds up to 1. */
  readonly arm_probabilities: readonly number[];
  readonly features: Readonly<Record<string, number>>;
  readonly experiment_id: string;
  readonly experiment_arm: string;
  /** learning, frozen, static */
  readonly mode: string;
  /** 0 or 1 */
  readonly degraded: number;
  readonly degraded_reason: string;
  readonly decided_at: string;
  /** Half-lives that had passed when it was made; 0 where nothing is forgotten. */
  readonly forgetting_position: number;
  /** Since when the features in `context` are what they are, in Unix milliseconds; 0 without a context. */
  readonly context_epoch: number;
  /** What a contextual policy knew of the input: the intercept's 1 and the standardised features; else empty. */
  readonly context: readonly number[];
}

/** A contribution as it was booked, so that posteriors can be recomputed from the log (invariant I2). */
export interface ContributionColumns {
  readonly reward_components: readonly string[];
  /** [0,1] each, outside of it only for an unbounded component; 0 for a penalty. */
  readonly reward_values: readonly number[];
  /** 0 for a penalty. */
  readonly reward_weights: readonly number[];
  /** 0 for a reward component. */
  readonly reward_penalties: readonly number[];
  /** 1 when the posterior was given these contributions, 0 when only logged (mode, late). */
  readonly learned: number;
}

export interface GenerationRow extends ContributionColumns {
  readonly generation_id: string;
  readonly agent_type: string;
  readonly code_type: string;
  readonly variant_id: string;
  readonly model: string;
  readonly temperature: number | null;
  readonly top_p: number | null;
  readonly max_tokens: number | null;
  readonly duration_ms: number | null;
  readonly prompt_tokens: number | null;
  readonly completion_tokens: number | null;
  readonly cost_usd: number | null;
  readonly tests_generated: number | null;
  readonly code_hash: string;
  /** Empty unless the operator has switched content storage on. */
  readonly content: string;
  readonly late: number;
  readonly decided_at: string;
  readonly recorded_at: string;
}

export interface OutcomeRow extends ContributionColumns {
  readonly outcome_id: string;
  readonly generation_id: string;
  readonly agent_type: string;
  readonly code_type: string;
  readonly variant_id: string;
  /** test_run, user_rating, user_action, ci, custom; `default` when nobody reported one and a default reward was booked. */
  readonly source: string;
  /** Metric name → raw value: tests_passed, tests_failed, test_pass_rate, coverage, mutation_score, rating_*, user_action, edit_distance, ci_passed, custom names. */
  readonly metrics: Readonly<Record<string, number>>;
  /** accepted, edited, deleted; empty for other sources. */
  readonly action: string;
  readonly comment: string;
  /** Keyed hash of the user id, 32 hexadecimal digits, or the id itself if the operator allowed that; empty when none. */
  readonly user_hash: string;
  readonly ci_pipeline: string;
  readonly ci_url: string;
  readonly late: number;
  readonly decided_at: string;
  readonly occurred_at: string;
  readonly received_at: string;
}
