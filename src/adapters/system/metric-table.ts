import type { CounterName, GaugeName, TimingName } from "../../ports/telemetry.ts";

/**
 * What a metric means, and its labels. A metric without an entry in these tables does not compile;
 * docs/operating/metrics.md says when to alert on each, and a test keeps the two in step.
 */
export interface MetricDeclaration {
  readonly help: string;
  readonly labels: readonly string[];
}

export const counters: Record<CounterName, MetricDeclaration> = {
  bandit_decisions_total: { help: "Decisions answered and stored.", labels: ["source"] },
  bandit_decisions_unrecorded_total: {
    help: "Decisions answered without being stored (degraded).",
    labels: ["reason"],
  },
  bandit_generations_total: { help: "Generation reports.", labels: ["status"] },
  bandit_outcomes_total: { help: "Outcomes.", labels: ["status", "source"] },
  bandit_requests_total: { help: "Calls answered.", labels: ["rpc", "code"] },
  bandit_events_written_total: { help: "Rows written to the event log.", labels: ["stream"] },
  bandit_event_write_failures_total: {
    help: "Failed attempts to write events; they stay in the outbox.",
    labels: ["reason"],
  },
  bandit_allocation_refreshes_total: { help: "Allocations computed anew.", labels: [] },
  bandit_code_types_not_admitted_total: {
    help: "Outcomes and reports only logged because their agent type has too many code types.",
    labels: [],
  },
  bandit_reward_changes_total: {
    help: "Changes of a mean reward that the Page-Hinkley test has found.",
    labels: ["scope", "direction"],
  },
  bandit_decisions_ahead_total: {
    help: "Events of decisions that come from a clock more than five minutes ahead; see ADR 0005.",
    labels: [],
  },
  bandit_default_rewards_total: {
    help: "Default rewards booked for generations whose attribution window closed without an outcome.",
    labels: [],
  },
  bandit_default_reward_failures_total: {
    help: "Rounds of booking default rewards that failed; the next round tries again.",
    labels: ["reason"],
  },
  bandit_decisions_spooled_total: {
    help: "Decisions kept on disk because the state store could not be reached (degraded).",
    labels: [],
  },
  bandit_reports_spooled_total: {
    help: "Reports kept on disk because the state store could not be reached.",
    labels: ["kind"],
  },
  bandit_spool_applied_total: {
    help: "Spooled records that were applied when the state store was back; refused ones are dead letters.",
    labels: ["kind", "result"],
  },
  bandit_spool_unreadable_total: {
    help: "Look-ups of a spooled record that cannot be read; it becomes a dead letter.",
    labels: [],
  },
  bandit_state_outages_total: {
    help: "Outages of the state store.",
    labels: [],
  },
  bandit_reports_refused_total: {
    help: "Reports refused because a bound was reached: outbox, spool or spill.",
    labels: ["kind", "reason"],
  },
  bandit_dead_letters_total: {
    help: "Events and reports that were refused for good.",
    labels: ["kind"],
  },
  bandit_events_spilled_total: {
    help: "Events moved from a full outbox to this machine's disk.",
    labels: ["stream"],
  },
  bandit_outbox_takeovers_total: {
    help: "Batches of the outbox taken over from a process that had fallen silent.",
    labels: [],
  },
  bandit_requests_shed_total: {
    help: "Calls refused at the bound on calls under way.",
    labels: ["class"],
  },
  bandit_requests_rate_limited_total: {
    help: "Calls and batch items refused by the rate limit of their caller.",
    labels: [],
  },
  bandit_requests_expired_total: {
    help: "Calls and batch items that were not begun because their deadline had passed.",
    labels: ["class"],
  },
  bandit_connections_displaced_total: {
    help: "Silent connections closed for new ones because too many were open.",
    labels: ["transport"],
  },
};

export const timings: Record<TimingName, MetricDeclaration> = {
  bandit_request_duration_ms: {
    help: "Time from receiving a call to its answer, milliseconds.",
    labels: ["rpc"],
  },
  bandit_allocation_refresh_duration_ms: {
    help: "Time to compute one allocation, milliseconds.",
    labels: [],
  },
  bandit_shared_prior_duration_ms: {
    help: "Time to learn the priors that code types share, milliseconds.",
    labels: [],
  },
  bandit_event_write_duration_ms: {
    help: "Time of one insert into the event log, milliseconds.",
    labels: [],
  },
};

export const gauges: Record<GaugeName, MetricDeclaration> = {
  bandit_outbox_entries: { help: "Entries waiting in the outbox.", labels: [] },
  bandit_outbox_rows: { help: "Events waiting in the outbox.", labels: [] },
  bandit_outbox_bytes: { help: "Bytes of events waiting in the outbox.", labels: [] },
  bandit_event_lag_seconds: {
    help: "Age of the oldest event that is not in the event log yet; 0 when there is none.",
    labels: [],
  },
  bandit_spill_bytes: { help: "Bytes of spilled events on this machine's disk.", labels: [] },
  bandit_spool_records: {
    help: "Decisions and reports on this machine's disk that wait for the state store.",
    labels: [],
  },
  bandit_spool_bytes: { help: "Bytes of those decisions and reports.", labels: [] },
  bandit_dead_letters: {
    help: "Dead letters that wait to be returned or dropped.",
    labels: [],
  },
  bandit_state_available: { help: "1 while the state store answers.", labels: [] },
  bandit_state_lost: {
    help: "1 since the state store was found emptied, until a rebuild has restored something.",
    labels: [],
  },
  bandit_state_log_bytes: {
    help: "Bytes of the embedded state store's log since it last began anew.",
    labels: [],
  },
  bandit_catalogue_fresh: {
    help: "1 while changes of the catalogue can be followed, 0 while the last known catalogue is in force.",
    labels: [],
  },
  bandit_requests_in_flight: { help: "Calls under way.", labels: ["class"] },
  bandit_rate_limit_callers: { help: "Callers that the rate limit tells apart.", labels: [] },
  bandit_connections: { help: "Connections open.", labels: ["transport"] },
  bandit_allocations: { help: "Code types with posteriors of their own.", labels: [] },
  bandit_ready: { help: "1 when ready to serve.", labels: [] },
};
