import { describe, expect, it } from "vitest";
import { SeededGenerator, type UniformSource } from "../../src/numerics/random-generator.ts";
import { Aipw } from "../../src/statistics/aipw.ts";
import { differenceSequence } from "../../src/statistics/confidence-sequence.ts";
import { checkSkewness, RunningMoments } from "../../src/statistics/moments.ts";
import { welchTest } from "../../src/statistics/welch.ts";
import { adaptiveLog, thompson } from "../support/adaptive-log.ts";
import { rateMax, rateMin } from "../support/rate-bound.ts";
import { sampleNormal } from "../support/sampling.ts";

/** Equal arms, level 0.05: what is found is a false alarm. Bounds and seeds as in sequence-peeking.test.ts. */
const alpha = 0.05;
const logNormal = (sigma: number) => (source: UniformSource) =>
  Math.exp(sigma * sampleNormal(source));

/** An experiment with one in ten treated; tells after every tenth unit whether the skewness lets it speak. */
function* experiment(
  draw: (source: UniformSource) => number,
  { units, seed }: { readonly units: number; readonly seed: number },
) {
  const source = SeededGenerator.fromSeed(seed);
  const moments = { control: new RunningMoments(), treatment: new RunningMoments() };
  for (let unit = 1; unit <= units; unit += 1) {
    (source.next() < 0.1 ? moments.treatment : moments.control).add(draw(source));
    if (unit % 10 > 0) continue;
    const arms = { control: moments.control.sample(), treatment: moments.treatment.sample() };
    const speaks = Object.values(moments).every(
      (arm) => checkSkewness(arm.skewnessOfMean(), arm.sample().n, "it") === undefined,
    );
    yield { unit, arms, speaks };
  }
}

type Look = ReturnType<typeof experiment> extends Generator<infer One> ? One : never;

/** Share of the runs with an alarm at any look, whatever the skewness and where it allows one; and that ever speak. */
function alarms(
  sigma: number,
  options: { readonly runs: number; readonly units: number },
  isAlarm: (look: Look) => boolean,
) {
  const counts = { unchecked: 0, checked: 0, spoke: 0 };
  for (let seed = 0; seed < options.runs; seed += 1) {
    const ever = { unchecked: false, checked: false, spoke: false };
    for (const look of experiment(logNormal(sigma), { ...options, seed })) {
      const alarm = isAlarm(look);
      ever.unchecked ||= alarm;
      ever.checked ||= alarm && look.speaks;
      ever.spoke ||= look.speaks && look.unit === options.units;
    }
    for (const name of ["unchecked", "checked", "spoke"] as const) {
      if (ever[name]) counts[name] += 1;
    }
  }
  const { unchecked, checked, spoke } = counts;
  const { runs } = options;
  return { unchecked: unchecked / runs, checked: checked / runs, spoke: spoke / runs };
}

describe("log-normal costs, one arm in ten treated", () => {
  const oneLook = { runs: 300, units: 1000 };
  const atTheEnd = ({ unit, arms }: Look) => {
    const test = unit === oneLook.units ? welchTest(arms) : undefined;
    return test?.ok === true && test.value.pValue <= alpha;
  };

  it("sigma 2, one look: silence keeps the level; without it the t-test does not (negative control)", () => {
    const rates = alarms(2, oneLook, atTheEnd);
    expect(rates.checked).toBeLessThan(rateMax(alpha, oneLook.runs));
    expect(rates.unchecked).toBeGreaterThan(rateMax(alpha, oneLook.runs));
    expect(rates.spoke).toBeLessThan(0.1);
  });

  it("sigma 0.5, one look: the level is kept, and most runs speak", () => {
    const rates = alarms(0.5, oneLook, atTheEnd);
    expect(rates.checked).toBeLessThan(rateMax(alpha, oneLook.runs));
    expect(rates.spoke).toBeGreaterThan(rateMin(0.8, oneLook.runs));
  });

  it("sigma 2, at 500 looks: silence keeps the level; without it the sequence does not (negative control)", () => {
    const options = { runs: 500, units: 5000 };
    const rates = alarms(2, options, ({ arms }) => {
      const look = differenceSequence(arms, { range: "unbounded" });
      return look.ok && look.value.pValue <= alpha;
    });
    expect(rates.checked).toBeLessThan(rateMax(alpha, options.runs));
    expect(rates.unchecked).toBeGreaterThan(rateMax(alpha, options.runs));
  });
});

describe("log-normal costs under Thompson sampling", () => {
  it("sigma 2: AIPW without a range is silent; sigma 0.3: it speaks and keeps its level", () => {
    const runs = 60;
    const measure = (sigma: number) => {
      let [spoke, alarm] = [0, 0];
      for (let seed = 0; seed < runs; seed += 1) {
        const source = SeededGenerator.fromSeed(seed);
        const aipw = new Aipw({ arms: ["a", "b"], control: 0, range: "unbounded" });
        const log = { explorationShare: 0.5, meansAt: () => [0.5, 0.5], steps: 1000, seed };
        for (const decision of adaptiveLog({ ...log, algorithm: thompson })) {
          const size = Math.abs(sampleNormal(source)) * (decision.reward === 1 ? 1 : -1);
          aipw.push({ ...decision, reward: Math.exp(sigma * size) });
        }
        const found = aipw.difference(1);
        if (!found.ok) continue;
        spoke += 1;
        if (found.value.pValue <= alpha) alarm += 1;
      }
      return { spoke: spoke / runs, alarm: alarm / runs };
    };
    expect(measure(2).spoke).toBeLessThan(0.1);
    const light = measure(0.3);
    expect(light.spoke).toBeGreaterThan(rateMin(0.9, runs));
    expect(light.alarm).toBeLessThan(rateMax(alpha, runs));
  });
});
