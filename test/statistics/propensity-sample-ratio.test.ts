import { describe, expect, it } from "vitest";
import type { RewardedDecision } from "../../src/statistics/logged-decision.ts";
import { PropensitySampleRatio } from "../../src/statistics/propensity-sample-ratio.ts";
import { sampleRatioTest } from "../../src/statistics/sample-ratio.ts";
import { accepted } from "../fixtures/reference/statistics-reference.ts";
import { type AdaptiveLogOptions, adaptiveLog, thompson } from "../support/adaptive-log.ts";
import { rateMax } from "../support/rate-bound.ts";
import { seededUnit } from "../support/seeded-ids.ts";

/**
 * Every bound on false alarms is one that a check which keeps its level breaks once in 1,000 sets of seeds; the
 * seeds are fixed, so a failure is a change of behaviour and never bad luck.
 */
type Log = Omit<AdaptiveLogOptions, "seed">;

interface Alarms {
  /** Share of the runs in which the chi-square at the end could be computed: propensities were not all near 0 and 1. */
  readonly stated: number;
  /** Share of those in which it was below the level. */
  readonly test: number;
  /** Share of all runs in which the sequence ever was. */
  readonly sequence: number;
  /** Pearson's chi-square against equal shares. */
  readonly fixedShares: number;
}

/** `change` turns the log into what is checked. */
function alarms(
  runs: number,
  alpha: number,
  log: Log,
  change: (decision: RewardedDecision, unit: () => number) => RewardedDecision,
): Alarms {
  const arms = log.meansAt(0).map(String);
  const counts = { stated: 0, test: 0, sequence: 0, fixed: 0 };
  for (let seed = 0; seed < runs; seed += 1) {
    const check = new PropensitySampleRatio({ arms });
    const unit = seededUnit(1_000_000 + seed);
    const served = arms.map(() => 0);
    for (const decision of adaptiveLog({ ...log, seed })) {
      const changed = change(decision, unit);
      check.push(changed);
      served[changed.arm] = (served[changed.arm] as number) + 1;
    }
    const test = check.test({ alpha });
    if (test.ok) counts.stated += 1;
    if (test.ok && test.value.mismatch) counts.test += 1;
    if (accepted(check.sequence({ alpha })).mismatch) counts.sequence += 1;
    const equalShares = served.map((count) => ({ count, share: 1 / served.length }));
    if (accepted(sampleRatioTest(equalShares, { alpha })).mismatch) counts.fixed += 1;
  }
  return {
    stated: counts.stated / runs,
    test: counts.test / counts.stated,
    sequence: counts.sequence / runs,
    fixedShares: counts.fixed / runs,
  };
}

const asLogged = (decision: RewardedDecision): RewardedDecision => decision;

/** Serves arm 0 five points more often than the log says, at the cost of arm 1 as far as that has them. */
function fivePointsOff(decision: RewardedDecision, unit: () => number): RewardedDecision {
  if (decision.arm !== 1) return decision;
  const moved = unit() < 0.05 / (decision.propensities[1] as number);
  return moved ? { ...decision, arm: 0 } : decision;
}

describe("sample-ratio check by propensities under Thompson sampling", () => {
  const log: Log = {
    algorithm: thompson,
    explorationShare: 0.02,
    steps: 1000,
    meansAt: () => [0.5, 0.5],
  };

  it.each<[string, Log]>([
    ["two equal arms", log],
    ["two arms of which one is soon known to be worse", { ...log, meansAt: () => [0.6, 0.4] }],
    ["four arms", { ...log, meansAt: () => [0.5, 0.5, 0.4, 0.3] }],
  ])("%s: alarms in at most one run of twenty at level 0.05", (_, settings) => {
    const runs = 500;
    const rates = alarms(runs, 0.05, settings, asLogged);
    expect(rates.stated).toBeGreaterThan(0.75);
    expect(rates.test).toBeLessThan(rateMax(0.05, runs * rates.stated));
    expect(rates.sequence).toBeLessThan(rateMax(0.05, runs));
    // The negative control: a check against fixed shares takes every bandit for a fault.
    expect(rates.fixedShares).toBeGreaterThan(0.7);
  });

  it("finds a served share that is five points off what was logged, at level 0.001", () => {
    const exploring = { ...log, explorationShare: 0.5, steps: 2000 };
    const rates = alarms(200, 0.001, exploring, fivePointsOff);
    expect(rates.test).toBeGreaterThan(0.9);
    expect(rates.sequence).toBeGreaterThan(0.75);
    const none = alarms(200, 0.001, exploring, asLogged);
    expect(none.test).toBeLessThan(rateMax(0.001, 200));
    expect(none.sequence).toBeLessThan(rateMax(0.001, 200));
  });
});
