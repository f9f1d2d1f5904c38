import { describe, expect, it } from "vitest";
import { PrometheusTelemetry } from "../../../../src/adapters/system/prometheus-telemetry.ts";

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
});
