import { describe, expect, it } from "vitest";
import { normalUpperQuantile } from "../../src/numerics/normal.ts";
import { Aipw } from "../../src/statistics/aipw.ts";
import type { Result } from "../../src/statistics/result.ts";
import {
  type AdaptiveLogOptions,
  adaptiveLog,
  epsilonGreedy,
  thompson,
} from "../support/adaptive-log.ts";
import { rateMax, rateMin } from "../support/rate-bound.ts";

/**
 * The level is 0.05 everywhere. Every bound is one that a method which keeps its level breaks once in 1,000
 * sets of seeds; the seeds are fixed, so a failure is a change of behaviour and never bad luck.
 */
const alpha = 0.05;
const critical = normalUpperQuantile(alpha / 2);
const looksFrom = 100;
const lookEvery = 10;

interface Rates {
  /** Share of the runs in which a difference was stated. */
  readonly spoke: number;
  /** Share of those in which the interval missed: a refusal is no hit. */
  readonly missed: number;
  /** Coverage of the values of both arms, where stated. */
  readonly covered: readonly number[];
  /** Share of the runs in which z of the plain means was beyond 1.96 at the end … */
  readonly naive: number;
  /** … or at one of the looks after every tenth decision. */
  readonly naivePeeking: number;
  /** Share of the runs in which the values with weights of their own differed, where both were stated. */
  readonly separateWeights: number;
}

/** z of the difference of two proportions, as if the shares had been fixed. */
class NaiveTest {
  readonly #served = [0, 0];
  readonly #sums = [0, 0];

  push({ arm, reward }: { readonly arm: number; readonly reward: number }): void {
    this.#served[arm] = (this.#served[arm] as number) + 1;
    this.#sums[arm] = (this.#sums[arm] as number) + reward;
  }

  get rejects(): boolean {
    const [n0, n1] = this.#served as [number, number];
    const [p0, p1] = this.#sums.map((sum, arm) => sum / (this.#served[arm] as number)) as [
      number,
      number,
    ];
    const variance = (p0 * (1 - p0)) / n0 + (p1 * (1 - p1)) / n1;
    return variance > 0 && Math.abs(p1 - p0) / Math.sqrt(variance) > critical;
  }
}

/** How often values were stated, and held the truth. */
class Coverage {
  stated = 0;
  #covered = 0;

  add(result: Result<{ readonly low: number; readonly high: number }>, truth: number): void {
    if (!result.ok) return;
    this.stated += 1;
    if (result.value.low <= truth && truth <= result.value.high) this.#covered += 1;
  }

  get share(): number {
    return this.#covered / this.stated;
  }
}

function measure(runs: number, log: Omit<AdaptiveLogOptions, "seed">): Rates {
  const truth = log.meansAt(0) as [number, number];
  const trueDifference = truth[1] - truth[0];
  const counts = { naive: 0, peeking: 0, both: 0, separate: 0 };
  const [differences, ...arms] = [new Coverage(), new Coverage(), new Coverage()];
  for (let seed = 0; seed < runs; seed += 1) {
    const aipw = new Aipw({ arms: ["a", "b"], control: 0 });
    const naive = new NaiveTest();
    let step = 0;
    let rejectedOnce = false;
    for (const decision of adaptiveLog({ ...log, seed })) {
      aipw.push(decision);
      naive.push(decision);
      step += 1;
      if (step >= looksFrom && step % lookEvery === 0) rejectedOnce ||= naive.rejects;
    }
    if (naive.rejects) counts.naive += 1;
    if (rejectedOnce) counts.peeking += 1;
    differences.add(aipw.difference(1), trueDifference);
    const values = [aipw.value(0), aipw.value(1)] as const;
    values.forEach((value, arm) => {
      arms[arm]?.add(value, truth[arm] as number);
    });
    const [control, treatment] = values;
    if (control.ok && treatment.ok) {
      counts.both += 1;
      const error = Math.hypot(control.value.standardError, treatment.value.standardError);
      const statistic = (treatment.value.estimate - control.value.estimate) / error;
      if (Math.abs(statistic) > critical) counts.separate += 1;
    }
  }
  return {
    spoke: differences.stated / runs,
    missed: 1 - differences.share,
    covered: arms.map(({ share }) => share),
    naive: counts.naive / runs,
    naivePeeking: counts.peeking / runs,
    separateWeights: counts.separate / counts.both,
  };
}

describe("AIPW under allocations that follow the rewards", () => {
  const steps = 2000;

  type Policy = Pick<AdaptiveLogOptions, "algorithm" | "explorationShare">;

  function measureEqualArms(runs: number, { mean, ...policy }: Policy & { mean: number }): Rates {
    const rates = measure(runs, { ...policy, steps, meansAt: () => [mean, mean] });
    expect(rates.missed).toBeLessThan(rateMax(alpha, runs * rates.spoke));
    expect(rates.spoke).toBeGreaterThan(0.8);
    for (const coverage of rates.covered) {
      expect(coverage).toBeGreaterThan(rateMin(1 - alpha, runs * 0.8));
    }
    expect(rates.naivePeeking).toBeGreaterThan(0.25);
    return rates;
  }

  // Over 2,000 runs the naive test finds a difference in 9 %, 11 % and 12 % of them: the nearer to its level, the
  // more runs it takes to see that it does not keep it.
  it.each<[string, Policy, number, number]>([
    ["Thompson sampling, means 0.5", { algorithm: thompson, explorationShare: 0.02 }, 0.5, 800],
    ["Thompson sampling, means 0.2", { algorithm: thompson, explorationShare: 0.02 }, 0.2, 300],
    [
      "Thompson sampling, hardly any exploration",
      { algorithm: thompson, explorationShare: 0.001 },
      0.5,
      300,
    ],
  ])(
    "%s, equal arms: finds a difference in at most one run of twenty; the naive test in more",
    (_, policy, mean, runs) => {
      const rates = measureEqualArms(runs, { ...policy, mean });
      // The negative control: on the same data, what one would do without knowing how they came about
      // does not pass the same check.
      expect(rates.naive).toBeGreaterThan(rateMax(alpha, runs));
    },
  );

  it("epsilon-greedy, equal arms: finds a difference in at most one run of twenty; so, almost, does the naive test", () => {
    const runs = 300;
    const rates = measureEqualArms(runs, {
      algorithm: epsilonGreedy(0.1),
      explorationShare: 0,
      mean: 0.5,
    });
    // A control in the other direction: a test that is nearly right (6.3 % of 10,000 runs) is not blamed.
    expect(rates.naive).toBeLessThan(rateMax(0.063, runs));
  });

  it("unequal arms: the intervals cover", () => {
    const runs = 250;
    const rates = measure(runs, {
      algorithm: thompson,
      explorationShare: 0.02,
      steps,
      meansAt: () => [0.5, 0.55],
    });
    expect(rates.missed).toBeLessThan(rateMax(alpha, runs * rates.spoke));
    expect(rates.spoke).toBeGreaterThan(0.8);
    for (const coverage of rates.covered) {
      expect(coverage).toBeGreaterThan(rateMin(1 - alpha, runs * 0.8));
    }
  });

  it("means that rise together: the difference keeps its level; weights of their own would not", () => {
    const runs = 250;
    const rates = measure(runs, {
      algorithm: thompson,
      explorationShare: 0.02,
      steps,
      meansAt: (step) => (step < steps / 2 ? [0.3, 0.3] : [0.7, 0.7]),
    });
    expect(rates.missed).toBeLessThan(rateMax(alpha, runs * rates.spoke));
    expect(rates.naive).toBeGreaterThan(0.5);
    expect(rates.separateWeights).toBeGreaterThan(0.5);
  });

  it("means that rise together: with uniform weights a value covers the average over the log", () => {
    const runs = 200;
    const averages = [0.45, 0.55];
    const arms = averages.map(() => new Coverage());
    for (let seed = 0; seed < runs; seed += 1) {
      const aipw = new Aipw({ arms: ["a", "b"], control: 0, weighting: "uniform" });
      const meansAt = (step: number) => (step < steps / 2 ? [0.3, 0.4] : [0.6, 0.7]);
      const log = { algorithm: thompson, explorationShare: 0.5, steps, meansAt, seed };
      for (const decision of adaptiveLog(log)) aipw.push(decision);
      averages.forEach((average, arm) => {
        arms[arm]?.add(aipw.value(arm), average);
      });
    }
    for (const { stated, share } of arms) {
      expect(stated).toBeGreaterThan(runs / 2);
      expect(share).toBeGreaterThan(rateMin(1 - alpha, stated));
    }
  });
});
