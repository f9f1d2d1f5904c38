import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { invariant } from "../../domain/errors.ts";
import type { CounterName, GaugeName, Telemetry, TimingName } from "../../ports/telemetry.ts";

/** Help text and label names of every metric. A metric without an entry here does not compile. */
const counters: Record<CounterName, { help: string; labels: readonly string[] }> = {
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
    help: "Rounds of booking default rewards that failed; the next one goes on from there.",
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
  bandit_state_outages_total: {
    help: "Times the state store was found not to answer.",
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
    help: "Outbox entries and batches taken over from a process that had fallen silent.",
    labels: [],
  },
  bandit_requests_shed_total: {
    help: "Calls refused because too many were under way.",
    labels: ["class", "reason"],
  },
  bandit_requests_rate_limited_total: {
    help: "Calls refused because their caller made too many.",
    labels: [],
  },
  bandit_requests_expired_total: {
    help: "Calls and batch items that were not begun because their deadline had passed.",
    labels: ["class"],
  },
  bandit_connections_refused_total: {
    help: "Connections closed at once because too many were open.",
    labels: ["transport"],
  },
};

const timings: Record<TimingName, { help: string; labels: readonly string[] }> = {
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

const gauges: Record<GaugeName, { help: string; labels: readonly string[] }> = {
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
  bandit_spool_bytes: { help: "Bytes of them.", labels: [] },
  bandit_dead_letters: {
    help: "Events and reports that wait to be replayed or dropped.",
    labels: [],
  },
  bandit_state_available: { help: "1 while the state store answers.", labels: [] },
  bandit_catalogue_fresh: {
    help: "1 while changes of the catalogue can be followed, 0 while the last one known is in force.",
    labels: [],
  },
  bandit_requests_in_flight: { help: "Calls and batch items under way.", labels: ["class"] },
  bandit_requests_limit: {
    help: "Calls and batch items that may be under way; below BANDIT_REQUESTS_MAX while the event loop is late.",
    labels: [],
  },
  bandit_event_loop_delay_ms: {
    help: "Longest delay of the event loop in the last second, milliseconds.",
    labels: [],
  },
  bandit_rate_limit_callers: { help: "Callers that the rate limit tells apart.", labels: [] },
  bandit_connections: { help: "Connections open.", labels: ["transport"] },
  bandit_allocations: { help: "Code types with posteriors of their own.", labels: [] },
  bandit_ready: { help: "1 when ready to serve.", labels: [] },
};

/** Milliseconds, from 0.05 to 1000. */
const buckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000];

/**
 * Combinations of label values that one metric may have. Every label comes from a closed set, so this
 * is never reached; should a label ever take what users write, it keeps the page and the memory bounded.
 */
export const seriesPerMetricMax = 100;

/** Metrics for a Prometheus scrape. Beyond {@link seriesPerMetricMax}, new label values become `other`. */
export class PrometheusTelemetry implements Telemetry {
  readonly #registry = new Registry();
  readonly #counters = new Map<CounterName, Counter>();
  readonly #timings = new Map<TimingName, Histogram>();
  readonly #gauges = new Map<GaugeName, Gauge>();
  readonly #counterChildren: Children<Counter.Internal> = new Map();
  readonly #timingChildren: Children<Histogram.Internal<string>> = new Map();
  readonly #gaugeChildren: Children<Gauge.Internal<string>> = new Map();
  readonly #onTooManySeries: (metric: string) => void;

  /** @param onTooManySeries told once for each metric that has reached {@link seriesPerMetricMax} */
  constructor(onTooManySeries: (metric: string) => void = () => undefined) {
    this.#onTooManySeries = onTooManySeries;
    const registers = [this.#registry];
    for (const name of keysOf(counters)) {
      const { help, labels } = counters[name];
      this.#counters.set(name, new Counter({ name, help, labelNames: [...labels], registers }));
    }
    for (const name of keysOf(timings)) {
      const { help, labels } = timings[name];
      this.#timings.set(
        name,
        new Histogram({ name, help, labelNames: [...labels], buckets, registers }),
      );
    }
    for (const name of keysOf(gauges)) {
      const { help, labels } = gauges[name];
      this.#gauges.set(name, new Gauge({ name, help, labelNames: [...labels], registers }));
    }
    collectDefaultMetrics({ register: this.#registry });
  }

  count(name: CounterName, labels: Readonly<Record<string, string>> = noLabels, amount = 1): void {
    this.#child(this.#counterChildren, this.#counters, name, labels).inc(amount);
  }

  observeMs(
    name: TimingName,
    durationMs: number,
    labels: Readonly<Record<string, string>> = noLabels,
  ): void {
    this.#child(this.#timingChildren, this.#timings, name, labels).observe(durationMs);
  }

  gauge(name: GaugeName, value: number, labels: Readonly<Record<string, string>> = noLabels): void {
    this.#child(this.#gaugeChildren, this.#gauges, name, labels).set(value);
  }

  /** The Prometheus text page. */
  async page(): Promise<{ contentType: string; body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  /** The series of these labels, found without the hash over sorted labels that the library makes on every call. */
  #child<Child>(
    children: Children<Child>,
    metrics: ReadonlyMap<string, { labels(labels: Record<string, string>): Child }>,
    name: string,
    labels: Readonly<Record<string, string>>,
  ): Child {
    let ofMetric = children.get(name);
    if (ofMetric === undefined) {
      ofMetric = new Map();
      children.set(name, ofMetric);
    }
    let key = "";
    for (const label in labels) key += `${labels[label]}\n`;
    const known = ofMetric.get(key);
    if (known !== undefined) return known;
    const metric = metrics.get(name);
    invariant(metric !== undefined, `metric ${name} is not declared`);
    if (ofMetric.size < seriesPerMetricMax - 1) {
      const added = metric.labels(labels);
      ofMetric.set(key, added);
      return added;
    }
    let other = ofMetric.get(otherKey);
    if (other === undefined) {
      this.#onTooManySeries(name);
      other = metric.labels(withOtherValues(labels));
      ofMetric.set(otherKey, other);
    }
    return other;
  }
}

const noLabels: Readonly<Record<string, string>> = {};
/** No combination of labels has it: each value ends in a line break. */
const otherKey = "other";

function withOtherValues(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.keys(labels).map((label) => [label, "other"]));
}

/** One per metric and combination of label values. */
type Children<Child> = Map<string, Map<string, Child>>;

function keysOf<Key extends string>(table: Record<Key, unknown>): Key[] {
  return Object.keys(table) as Key[];
}
