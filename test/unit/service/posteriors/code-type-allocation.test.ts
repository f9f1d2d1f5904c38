import { beforeEach, describe, expect, it } from "vitest";
import { PrometheusTelemetry } from "../../../../src/adapters/system/prometheus-telemetry.ts";
import type { ArmPriors } from "../../../../src/bandit/allocator.ts";
import { defaultPolicy } from "../../../../src/bandit/default-policy.ts";
import { zeroTotals } from "../../../../src/domain/contribution.ts";
import { parseCodeType, parseVariantId } from "../../../../src/domain/ids.ts";
import type { Policy, PolicyRecord } from "../../../../src/domain/policy.ts";
import {
  type AgentTypeEntry,
  CatalogueView,
} from "../../../../src/service/catalogue/catalogue-view.ts";
import { CodeTypeAllocation } from "../../../../src/service/posteriors/code-type-allocation.ts";
import { linearAlgorithm } from "../../../support/algorithms-with-defaults.ts";
import { agentType, catalogueSnapshot } from "../../../support/catalogue-samples.ts";

const codeType = parseCodeType("c");
const hourMs = 3_600_000;
const [a, b] = [parseVariantId("agent/a@1"), parseVariantId("agent/b@1")];

const entryOf = (policies: readonly Partial<PolicyRecord>[], names?: readonly string[]) =>
  new CatalogueView(catalogueSnapshot(policies, names)).getAgentType(agentType);

describe("the allocation of one code type", () => {
  const clock = { timeMs: 0, nowMs: () => clock.timeMs, monotonicMs: () => clock.timeMs };
  let priors: ArmPriors | undefined;
  let allocation: CodeTypeAllocation;
  let version: number;
  const policy: Policy = { ...defaultPolicy, explorationShare: 0, refreshIntervalMs: 1_000 };
  const forgetful: Policy = { ...policy, forgettingHalfLifeSeconds: 3_600 };
  /** The arm's totals from now on: so many ones. */
  const learn = (variantId: typeof a, ones: number) => {
    version += 1;
    const totals = { ...zeroTotals, reward: ones, weight: ones, squares: ones, generations: ones };
    allocation.accept({ agentType, codeType, variantId, totals, version }, 1);
  };
  const current = (entry: AgentTypeEntry) => allocation.current(entry, codeType, {}).allocation;

  beforeEach(() => {
    clock.timeMs = 0;
    priors = undefined;
    version = 0;
    allocation = new CodeTypeAllocation({
      clock,
      telemetry: new PrometheusTelemetry(),
      priorsOf: () => priors,
    });
  });

  it("is made anew when something was learned and the refresh interval has passed, not before", () => {
    const entry = entryOf([{ policy }]);
    const before = current(entry);
    learn(a, 5);
    clock.timeMs = 999;
    expect(current(entry)).toBe(before);
    clock.timeMs = 1_000;
    const after = current(entry);
    // Beta(6,1) against Beta(1,1).
    expect(after.probabilities[0]).toBeCloseTo(6 / 7, 6);
    clock.timeMs = 1e9;
    expect(current(entry)).toBe(after);
  });

  it("looking at the posteriors does not change what is served before its time, nor hide that it is due", () => {
    const entry = entryOf([{ policy }]);
    const before = current(entry);
    learn(a, 5);
    const believed = allocation.posteriors(entry, codeType, {});
    expect(believed.map((posterior) => posterior.generations)).toEqual([5, 0]);
    expect(current(entry)).toBe(before);
    clock.timeMs = 1_000;
    expect(current(entry)).not.toBe(before);
  });

  it("is made anew for every hundredth of a half-life, for the whole of what has passed", () => {
    const entry = entryOf([{ policy: forgetful }]);
    learn(a, 5);
    const before = current(entry);
    clock.timeMs = hourMs / 100 - 1;
    expect(current(entry)).toBe(before);
    clock.timeMs = hourMs / 100;
    const after = current(entry);
    expect(after.probabilities[0]).toBeLessThan(before.probabilities[0] as number);
    clock.timeMs = hourMs;
    const [posterior] = allocation.posteriors(entry, codeType, {});
    expect(posterior?.effectiveWeight).toBeCloseTo(2.5, 12);
  });

  it("goes on without a jump when the agent type's half-life changes, under an override too", () => {
    const override = { codeType, policy, etag: "2" };
    const slow = entryOf([{ policy: forgetful }, override]);
    learn(a, 8);
    current(slow);
    clock.timeMs = hourMs;
    expect(allocation.posteriors(slow, codeType, {})[0]?.effectiveWeight).toBeCloseTo(4, 12);
    const quick = entryOf([
      {
        policy: { ...forgetful, forgettingHalfLifeSeconds: 1_800 },
        forgetting: { sinceMs: hourMs, position: 1 },
        etag: "3",
      },
      override,
    ]);
    expect(allocation.posteriors(quick, codeType, {})[0]?.effectiveWeight).toBeCloseTo(4, 12);
    clock.timeMs = 2 * hourMs;
    expect(allocation.posteriors(quick, codeType, {})[0]?.effectiveWeight).toBeCloseTo(1, 12);
  });

  it("a new arm is served at once, and what the others have learned stays", () => {
    learn(a, 5);
    expect(current(entryOf([{ policy }])).variantIds).toEqual([a, b]);
    const larger = entryOf([{ policy }], ["a", "b", "c"]);
    expect(current(larger).variantIds).toHaveLength(3);
    expect(allocation.posteriors(larger, codeType, {})[0]?.generations).toBe(5);
  });

  it("other priors make it anew, and their end too", () => {
    const entry = entryOf([{ policy }]);
    const plain = current(entry);
    priors = new Map([[b, { alpha: 9, beta: 1 }]]);
    clock.timeMs = 1_000;
    expect(current(entry).probabilities[1]).toBeCloseTo(0.9, 6);
    expect(allocation.priors).toBe(priors);
    priors = undefined;
    clock.timeMs = 2_000;
    expect(current(entry).version).toBe(plain.version);
  });

  it("a contextual policy's is made for each request, of what was learned by the last refresh", () => {
    const linear = { ...policy, algorithm: linearAlgorithm({ name: "x", mean: 1, scale: 2 }) };
    const entry = entryOf([{ policy: linear, featuresSinceMs: 77 }]);
    const at = (x: number) => allocation.current(entry, codeType, { x });
    expect(at(5).context).toEqual({ epoch: 77, values: [1, 2] });
    expect(allocation.current(entry, codeType, {}).context).toEqual({ epoch: 77, values: [1, 0] });
    const context = { epoch: 77, products: [8, 16, 32], rewards: [8, 16] };
    const totals = { ...zeroTotals, reward: 8, weight: 8, squares: 8, generations: 8, context };
    allocation.accept({ agentType, codeType, variantId: a, totals, version: 1 }, 1);
    clock.timeMs = 999;
    expect(at(5).allocation.probabilities[0]).toBeCloseTo(0.5, 9);
    clock.timeMs = 1_000;
    const high = at(5).allocation.probabilities[0] as number;
    const low = at(-3).allocation.probabilities[0] as number;
    expect(high).toBeGreaterThan(0.55);
    expect(low).toBeLessThan(high);
    // Sums of other features are not looked at.
    const renewed = entryOf([{ policy: linear, featuresSinceMs: 78, etag: "2" }]);
    const share = allocation.current(renewed, codeType, { x: 5 }).allocation.probabilities[0];
    expect(share).toBeCloseTo(0.5, 9);
  });
});
