/** Counters and timings. Label values come from closed sets, never from users' labels (invariant I9). */
export interface Telemetry {
  /** Adds `amount` (default 1) to a counter. */
  count(name: CounterName, labels?: Readonly<Record<string, string>>, amount?: number): void;
  /** Records one duration in milliseconds. */
  observeMs(name: TimingName, durationMs: number, labels?: Readonly<Record<string, string>>): void;
  /** Sets a gauge. */
  gauge(name: GaugeName, value: number, labels?: Readonly<Record<string, string>>): void;
}

export type CounterName =
  | "bandit_decisions_total"
  | "bandit_decisions_unrecorded_total"
  | "bandit_generations_total"
  | "bandit_outcomes_total"
  | "bandit_requests_total"
  | "bandit_events_written_total"
  | "bandit_event_write_failures_total"
  | "bandit_allocation_refreshes_total"
  | "bandit_code_types_not_admitted_total"
  | "bandit_reward_changes_total"
  | "bandit_decisions_ahead_total"
  | "bandit_default_rewards_total"
  | "bandit_default_reward_failures_total"
  | "bandit_decisions_spooled_total"
  | "bandit_reports_spooled_total"
  | "bandit_spool_applied_total"
  | "bandit_spool_unreadable_total"
  | "bandit_state_outages_total"
  | "bandit_reports_refused_total"
  | "bandit_dead_letters_total"
  | "bandit_events_spilled_total"
  | "bandit_outbox_takeovers_total"
  | "bandit_requests_shed_total"
  | "bandit_requests_rate_limited_total"
  | "bandit_requests_expired_total"
  | "bandit_connections_displaced_total";

export type TimingName =
  | "bandit_request_duration_ms"
  | "bandit_allocation_refresh_duration_ms"
  | "bandit_shared_prior_duration_ms"
  | "bandit_event_write_duration_ms";

export type GaugeName =
  | "bandit_outbox_entries"
  | "bandit_outbox_rows"
  | "bandit_outbox_bytes"
  | "bandit_event_lag_seconds"
  | "bandit_spill_bytes"
  | "bandit_spool_records"
  | "bandit_spool_bytes"
  | "bandit_dead_letters"
  | "bandit_state_available"
  | "bandit_state_lost"
  | "bandit_state_log_bytes"
  | "bandit_catalogue_fresh"
  | "bandit_requests_in_flight"
  | "bandit_rate_limit_callers"
  | "bandit_connections"
  | "bandit_allocations"
  | "bandit_ready";

/** Structured log. The message is a constant sentence; everything variable is in `fields`. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}
