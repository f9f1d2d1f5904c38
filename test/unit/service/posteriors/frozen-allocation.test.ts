import { describe, expect, it } from "vitest";
import { PrometheusTelemetry } from "../../../../src/adapters/system/prometheus-telemetry.ts";
import { defaultPolicy } from "../../../../src/bandit/default-policy.ts";
import { zeroTotals } from "../../../../src/domain/contribution.ts";
import { parseAgentType, parseCodeType, parseVariantId } from "../../../../src/domain/ids.ts";
import type { Mode } from "../../../../src/domain/policy.ts";
import type { Variant } from "../../../../src/domain/variant.ts";
import { CatalogueView } from "../../../../src/service/catalogue/catalogue-view.ts";
import { AllocationTable } from "../../../../src/service/posteriors/allocation-table.ts";

const agentType = parseAgentType("agent");
const codeType = parseCodeType("c");
const forgetting = { sinceMs: 0, position: 0 };
const good = parseVariantId("agent/a@1");

function entryIn(mode: Mode) {
  const variant = (name: string, isBaseline: boolean): Variant => ({
    id: parseVariantId(`agent/${name}@1`),
    agentType,
    name,
    version: 1,
    status: "active",
    isBaseline,
    description: "",
    createdBy: "human",
    createdAtMs: 0,
    updatedAtMs: 0,
    etag: "1",
    promptTemplate: "t",
    model: "",
    parameters: {},
  });
  const policy = { ...defaultPolicy, refreshIntervalMs: 10_000 };
  return new CatalogueView({
    revision: 1,
    serviceMode: "learning",
    agentTypes: [{ agentType, description: "", mode, modeSinceMs: 0, createdAtMs: 0 }],
    policies: [{ agentType, policy, forgetting, featuresSinceMs: 0, updatedAtMs: 0, etag: "1" }],
    variants: [variant("a", true), variant("b", false)],
  }).getAgentType(agentType);
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
