import { describe, expect, it } from "vitest";
import { PrometheusTelemetry } from "../../../../src/adapters/system/prometheus-telemetry.ts";
import { defaultPolicy } from "../../../../src/bandit/default-policy.ts";
import { zeroTotals } from "../../../../src/domain/contribution.ts";
import { parseCodeType, parseVariantId } from "../../../../src/domain/ids.ts";
import type { Mode } from "../../../../src/domain/policy.ts";
import { CatalogueView } from "../../../../src/service/catalogue/catalogue-view.ts";
import { AllocationTable } from "../../../../src/service/posteriors/allocation-table.ts";
import { agentType, catalogueSnapshot } from "../../../support/catalogue-samples.ts";

const codeType = parseCodeType("c");
const good = parseVariantId("agent/a@1");

function entryIn(mode: Mode) {
  const policy = { ...defaultPolicy, refreshIntervalMs: 10_000 };
  return new CatalogueView(catalogueSnapshot([{ policy }], ["a", "b"], mode)).getAgentType(
    agentType,
  );
}

describe("frozen mode", () => {
  it("keeps the allocation also when an outcome learned before the freeze had not reached it yet", () => {
    const clock = { timeMs: 0, nowMs: () => clock.timeMs, monotonicMs: () => clock.timeMs };
    const table = new AllocationTable({ clock, telemetry: new PrometheusTelemetry() });
    const learn = (version: number) =>
      table.accept({
        agentType,
        codeType,
        variantId: good,
        totals: { ...zeroTotals, reward: version, weight: version, generations: version },
        version,
      });
    const versionIn = (mode: Mode) => table.current(entryIn(mode), codeType, {}).allocation.version;
    learn(1);
    const before = versionIn("learning");
    learn(2);
    expect(versionIn("learning")).toBe(before);
    clock.timeMs = 60_000;
    expect(versionIn("frozen")).toBe(before);
    clock.timeMs = 120_000;
    expect(versionIn("frozen")).toBe(before);
    expect(versionIn("learning")).not.toBe(before);
  });
});
