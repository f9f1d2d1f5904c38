import { describe, expect, it } from "vitest";
import { SeededGenerator } from "../../../src/numerics/random-generator.ts";
import { adaptiveDifference } from "../../../src/statistics/adaptive-difference.ts";
import { AdaptiveSequence, bets } from "../../../src/statistics/adaptive-sequence.ts";
import type { RewardedDecision } from "../../../src/statistics/logged-decision.ts";
import { accepted, reasonOf } from "../../fixtures/reference/statistics-reference.ts";

const options = { arms: ["b", "a", "c"], treatment: 1, control: 0 };

/** Three arms, the third of them never compared; the propensities of the others go down to a thousandth. */
function decisions(count: number, means = [0.3, 0.6, 0.5]): RewardedDecision[] {
  const source = SeededGenerator.fromSeed(count);
  return Array.from({ length: count }, () => {
    const control = 0.001 + 0.6 * source.next() ** 3;
    const propensities = [control, 0.9 - control, 0.1];
    const unit = source.next();
    const arm = unit < control ? 0 : unit < 0.9 ? 1 : 2;
    return { propensities, arm, reward: source.next() < (means[arm] as number) ? 1 : 0 };
  });
}

function stratum(rows: readonly RewardedDecision[], name = "all") {
  const sequence = new AdaptiveSequence(options);
  for (const row of rows) sequence.push(row);
  return { name, decisions: rows.length, result: sequence.result() };
}

/** ln of the mean fortune of all bets against the difference δ, bet by bet as the documentation has it. */
function logFortune(rows: readonly RewardedDecision[], delta: number): number {
  const fortunes = bets.flatMap(({ size, part }) =>
    [size, -size].map((lambda) => {
      const [rewards, sums] = [
        [0, 0],
        [0, 0],
      ];
      let log = Math.log(part);
      for (const { propensities, arm, reward } of rows) {
        const [b, a] = [propensities[0] as number, propensities[1] as number];
        const [predictedB, predictedA] = [0, 1].map(
          (one) => ((sums[one] as number) + 0.5) / ((rewards[one] as number) + 1),
        ) as [number, number];
        const precision = 1 / (1 / a + 1 / b);
        const score =
          predictedA -
          predictedB +
          (arm === 1 ? (reward - predictedA) / a : arm === 0 ? (predictedB - reward) / b : 0);
        const predicted = precision * (predictedA - predictedB);
        log += Math.log(1 + lambda * (precision * score - predicted));
        log += lambda * (predicted - precision * delta);
        if (arm > 1) continue;
        rewards[arm] = (rewards[arm] as number) + 1;
        sums[arm] = (sums[arm] as number) + reward;
      }
      return log;
    }),
  );
  const largest = Math.max(...fortunes);
  return largest + Math.log(fortunes.reduce((sum, log) => sum + Math.exp(log - largest), 0));
}

describe("the any-time difference of arms with moving shares", () => {
  it("holds the differences against which the bets have won less than 1/alpha", () => {
    expect(2 * bets.reduce((sum, { part }) => sum + part, 0)).toBeCloseTo(1, 12);
    const rows = decisions(400);
    for (const alpha of [0.05, 0.001]) {
      const found = accepted(adaptiveDifference([stratum(rows)], { alpha }));
      expect(logFortune(rows, found.low)).toBeCloseTo(-Math.log(alpha), 6);
      expect(logFortune(rows, found.high)).toBeCloseTo(-Math.log(alpha), 6);
      expect(found.pValue).toBeCloseTo(Math.min(1, Math.exp(-logFortune(rows, 0))), 9);
      expect(found.low).toBeLessThan(found.estimate);
      expect(found.high).toBeGreaterThan(found.estimate);
    }
    // Not what a difference that is a little off would have (negative control).
    const { low } = accepted(adaptiveDifference([stratum(rows)]));
    expect(Math.abs(logFortune(rows, low + 0.002) + Math.log(0.05))).toBeGreaterThan(1e-3);
  });

  it("excludes 0 exactly when the p-value is at most alpha", () => {
    const verdicts = new Set<boolean>();
    for (const count of [20, 60, 100, 200, 400, 800, 1600]) {
      const { low, high, pValue } = accepted(adaptiveDifference([stratum(decisions(count))]));
      expect(low > 0 || high < 0).toBe(pValue <= 0.05);
      verdicts.add(pValue <= 0.05);
    }
    expect(verdicts.size).toBe(2);
  });

  it("has the p-value of the bets also where it is tiny, down to the least number", () => {
    const rows = decisions(800, [0.05, 0.95, 0.5]);
    const { pValue } = accepted(adaptiveDifference([stratum(rows)]));
    expect(pValue).toBeLessThan(1e-20);
    expect(Math.log(pValue) / -logFortune(rows, 0)).toBeCloseTo(1, 9);
    const many = Array.from({ length: 40 }, () => rows).flat();
    expect(accepted(adaptiveDifference([stratum(many)])).pValue).toBe(Number.MIN_VALUE);
  });

  it("turns round with the arms", () => {
    const rows = decisions(500);
    const there = accepted(adaptiveDifference([stratum(rows)]));
    const turned = new AdaptiveSequence({ ...options, treatment: 0, control: 1 });
    for (const row of rows) turned.push(row);
    const back = accepted(
      adaptiveDifference([{ name: "all", decisions: 500, result: turned.result() }]),
    );
    expect(back.low).toBeCloseTo(-there.high, 9);
    expect(back.estimate).toBeCloseTo(-there.estimate, 9);
    expect(back.pValue).toBeCloseTo(there.pValue, 9);
  });

  it("of several contexts holds the sums of differences against which all bets together won less than 1/alpha", () => {
    const left = decisions(300);
    const right = decisions(500, [0.7, 0.2, 0.5]);
    const found = accepted(adaptiveDifference([stratum(left), stratum(right)]));
    // The least joint evidence against a sum, looked for in steps.
    const least = (sum: number) => {
      let best = Number.POSITIVE_INFINITY;
      for (let delta = -1; delta <= 1; delta += 0.02) {
        const other = (sum - (3 / 8) * delta) / (5 / 8);
        if (Math.abs(other) > 1) continue;
        best = Math.min(best, logFortune(left, delta) + logFortune(right, other));
      }
      return best;
    };
    for (const end of [found.low, found.high]) {
      expect(Math.abs(least(end) + Math.log(0.05))).toBeLessThan(0.05);
    }
    expect(Math.abs(Math.log(found.pValue) + Math.max(0, least(0)))).toBeLessThan(0.05);
  });

  it("says that it knows nothing where it does: from the first decision on, and of a context without evidence", () => {
    const first = accepted(adaptiveDifference([stratum(decisions(1))]));
    expect(first).toMatchObject({ low: -1, high: 1, pValue: 1 });
    const rows = decisions(2000);
    const alone = { propensities: [0, 1, 0], arm: 1, reward: 1 };
    const silent = stratum(
      Array.from({ length: 100 }, () => alone),
      "silent",
    );
    expect(reasonOf(silent.result)).toBe("no_overlap");
    expect(reasonOf(adaptiveDifference([silent]))).toBe("no_overlap");
    const found = accepted(adaptiveDifference([stratum(rows), silent]));
    expect(found).toMatchObject({ leftOut: [{ name: "silent", share: 100 / 2100 }] });
    expect(found.estimate).toBe(accepted(adaptiveDifference([stratum(rows)])).estimate);
  });

  it.each([
    [{ propensities: [0.5, 0.5, 0], arm: 0, reward: 1.1 }, "out_of_range"],
    [{ propensities: [0.5, 0.5, 0], arm: 0, reward: Number.NaN }, "not_finite"],
    [{ propensities: [0.5, 0.4, 0], arm: 0, reward: 1 }, "bad_propensity"],
    [{ propensities: [0.5, 0.5], arm: 0, reward: 1 }, "unknown_arm"],
  ])("refuses %o: %s", (decision, reason) => {
    expect(reasonOf(adaptiveDifference([stratum([...decisions(50), decision])]))).toBe(reason);
  });

  it.each([
    [{ ...options, treatment: 0 }, "out_of_range"],
    [{ ...options, control: 7 }, "unknown_arm"],
    [options, "empty"],
  ])("refuses %o without decisions: %s", (wrong, reason) => {
    expect(reasonOf(new AdaptiveSequence(wrong).result())).toBe(reason);
  });
});
