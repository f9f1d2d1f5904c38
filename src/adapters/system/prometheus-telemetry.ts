import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { invariant } from "../../domain/errors.ts";
import type { CounterName, GaugeName, Telemetry, TimingName } from "../../ports/telemetry.ts";
import { counters, gauges, timings } from "./metric-table.ts";

/** Milliseconds, from 0.05 to 1000. */
const buckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000];

/**
 * Combinations of label values that one metric may have. Every label comes from a closed set, so this
 * is never reached (rpc and status have the most: some forty by seventeen); should a label ever take what
 * users write, it keeps the page and the memory bounded.
 */
export const seriesPerMetricMax = 700;

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
