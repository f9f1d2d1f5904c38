import { describe, expect, it } from "vitest";
import { SeededGenerator } from "../../src/numerics/random-generator.ts";
import { adaptiveDifference } from "../../src/statistics/adaptive-difference.ts";
import { AdaptiveSequence } from "../../src/statistics/adaptive-sequence.ts";
import { Aipw } from "../../src/statistics/aipw.ts";
import type { RewardedDecision } from "../../src/statistics/logged-decision.ts";
import { type AdaptiveLogOptions, adaptiveLog, thompson } from "../support/adaptive-log.ts";
import { rateMax, rateMin } from "../support/rate-bound.ts";

/**
 * Level 0.05, looked at after the first decisions and then after every hundredth. Bounds are broken once in 1,000 sets of
 * seeds; the seeds are fixed. Thompson sampling runs with the default exploration or
 * with none, which makes propensities as small as they get.
 */
const alpha = 0.05;
const steps = 2000;
const arms = ["a", "b"];
const isLook = (step: number): boolean => step <= 10 || step % 100 === 0;

type Setting = Pick<AdaptiveLogOptions, "meansAt"> & {
  readonly explorationShare: number;
  /** What is learned of the 0/1 reward; itself if not given. */
  readonly change?: (reward: number, unit: number) => number;
  readonly truth: number;
};

/** Share of the runs in which an interval ever missed: of the sequence, and of AIPW looked at as often. */
function measure(runs: number, { truth, change = (reward) => reward, ...setting }: Setting) {
  const missed = { sequence: 0, aipw: 0 };
  let found = 0;
  for (let seed = 0; seed < runs; seed += 1) {
    const source = SeededGenerator.fromSeed(seed);
    const sequence = new AdaptiveSequence({ arms, treatment: 1, control: 0 });
    const aipw = new Aipw({ arms, control: 0 });
    const ever = { sequence: false, aipw: false };
    let step = 0;
    let pValue = 1;
    for (const decision of adaptiveLog({ ...setting, algorithm: thompson, steps, seed })) {
      const changed = { ...decision, reward: change(decision.reward, source.next()) };
      sequence.push(changed);
      aipw.push(changed);
      step += 1;
      if (!isLook(step)) continue;
      const looks = {
        sequence: adaptiveDifference([{ name: "", decisions: step, result: sequence.result() }]),
        aipw: aipw.difference(1),
      };
      for (const name of ["sequence", "aipw"] as const) {
        const look = looks[name];
        ever[name] ||= look.ok && (look.value.low > truth || look.value.high < truth);
      }
      if (looks.sequence.ok) pValue = looks.sequence.value.pValue;
    }
    if (ever.sequence) missed.sequence += 1;
    if (ever.aipw) missed.aipw += 1;
    if (pValue <= alpha) found += 1;
  }
  return { missed: missed.sequence / runs, missedByAipw: missed.aipw / runs, found: found / runs };
}

const constant =
  (...means: number[]) =>
  () =>
    means;

describe("the any-time difference under Thompson sampling", () => {
  const settings: [string, Setting, number][] = [
    ["rare rewards", { explorationShare: 0.02, meansAt: constant(0.05, 0.03), truth: -0.02 }, 60],
    [
      "means that jump together",
      {
        explorationShare: 0.02,
        meansAt: (step) => (step < steps / 2 ? [0.3, 0.3] : [0.7, 0.7]),
        truth: 0,
      },
      60,
    ],
    [
      "composite rewards of a small spread",
      {
        explorationShare: 0,
        meansAt: constant(0.4, 0.6),
        change: (reward, unit) => 0.4 + 0.2 * reward + 0.1 * unit,
        truth: 0.04,
      },
      60,
    ],
  ];
  it.each(settings)("%s: ever misses in at most one run of twenty", (_, setting, runs) => {
    expect(measure(runs, setting).missed).toBeLessThan(rateMax(alpha, runs));
  });

  it("equal arms: the same; AIPW, looked at as often, does not pass the check (negative control)", () => {
    const runs = 150;
    const equal = measure(runs, { explorationShare: 0, meansAt: constant(0.5, 0.5), truth: 0 });
    expect(equal.missed).toBeLessThan(rateMax(alpha, runs));
    expect(equal.missedByAipw).toBeGreaterThan(rateMax(alpha, runs));
  });

  it("0.4 and 0.6, much exploration: finds the difference in at least 90 percent of the runs", () => {
    const runs = 60;
    const log = { explorationShare: 0.5, meansAt: constant(0.4, 0.6), truth: 0.2 };
    const unequal = measure(runs, log);
    expect(unequal.missed).toBeLessThan(rateMax(alpha, runs));
    expect(unequal.found).toBeGreaterThan(rateMin(0.9, runs));
  });

  it("one that believes that arms are served alike misses (negative control)", () => {
    const runs = 30;
    let missed = 0;
    for (let seed = 0; seed < runs; seed += 1) {
      const sequence = new AdaptiveSequence({ arms, treatment: 1, control: 0 });
      const meansAt = (step: number) => (step < steps / 2 ? [0.3, 0.3] : [0.7, 0.7]);
      const log = { algorithm: thompson, explorationShare: 0.02, meansAt, steps, seed };
      for (const decision of adaptiveLog(log)) {
        sequence.push({ ...decision, propensities: [0.5, 0.5] } satisfies RewardedDecision);
      }
      const look = adaptiveDifference([{ name: "", decisions: steps, result: sequence.result() }]);
      if (look.ok && look.value.pValue <= alpha) missed += 1;
    }
    expect(missed / runs).toBeGreaterThan(0.3);
  });
});
