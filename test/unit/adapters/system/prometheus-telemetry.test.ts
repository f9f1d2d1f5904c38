import { describe, expect, it } from "vitest";
import {
  PrometheusTelemetry,
  seriesPerMetricMax,
} from "../../../../src/adapters/system/prometheus-telemetry.ts";

describe("prometheus telemetry", () => {
  it("keeps a series for each combination of labels and adds them up", async () => {
    const telemetry = new PrometheusTelemetry();
    telemetry.count("bandit_outcomes_total", { status: "applied", source: "ci" });
    telemetry.count("bandit_outcomes_total", { status: "applied", source: "ci" }, 2);
    telemetry.count("bandit_outcomes_total", { status: "late", source: "ci" });
    telemetry.observeMs("bandit_request_duration_ms", 3, { rpc: "SelectVariant" });
    telemetry.gauge("bandit_outbox_entries", 7);
    const { body, contentType } = await telemetry.page();
    expect(contentType).toContain("text/plain");
    expect(body).toContain('bandit_outcomes_total{status="applied",source="ci"} 3');
    expect(body).toContain('bandit_outcomes_total{status="late",source="ci"} 1');
    expect(body).toContain('bandit_request_duration_ms_bucket{le="5",rpc="SelectVariant"} 1');
    expect(body).toContain('bandit_request_duration_ms_bucket{le="2.5",rpc="SelectVariant"} 0');
    expect(body).toContain("bandit_outbox_entries 7");
  });

  it("puts label values beyond the bound of a metric's series into one, and says so once", async () => {
    const full: string[] = [];
    const telemetry = new PrometheusTelemetry((metric) => full.push(metric));
    const values = Array.from({ length: 5_000 }, (_, index) => `made-up-${index}`);
    for (const reason of values) {
      telemetry.count("bandit_event_write_failures_total", { reason });
      telemetry.observeMs("bandit_request_duration_ms", 1, { rpc: reason });
      telemetry.gauge("bandit_requests_in_flight", 1, { class: reason });
    }
    // A series that is known keeps counting for itself.
    telemetry.count("bandit_event_write_failures_total", { reason: "made-up-0" });
    const { body } = await telemetry.page();
    const counters = body
      .split("\n")
      .filter((line) => line.startsWith("bandit_event_write_failures_total{"));
    expect(counters).toHaveLength(seriesPerMetricMax);
    expect(counters).toContain('bandit_event_write_failures_total{reason="made-up-0"} 2');
    expect(counters).toContain(
      `bandit_event_write_failures_total{reason="other"} ${5_000 - (seriesPerMetricMax - 1)}`,
    );
    expect(full).toEqual([
      "bandit_event_write_failures_total",
      "bandit_request_duration_ms",
      "bandit_requests_in_flight",
    ]);
    expect(body).toContain('bandit_request_duration_ms_count{rpc="other"}');
    expect(body).toContain('bandit_requests_in_flight{class="other"} 1');
  });
});
