import { describe, expect, it } from "vitest";
import { ArmEffects } from "../../../src/bandit/arm-effects.ts";
import { tabulateEvidence } from "../../../src/bandit/evidence-table.ts";
import { armNames, codeTypeNames } from "../../support/code-type-simulation.ts";

const arms = armNames(2);

/** Two arms, `weight` outcomes in every cell. */
function effectsOf(rewards: readonly (readonly [number, number])[], weight: number): ArmEffects {
  const names = codeTypeNames(rewards.length);
  const totals = new Map(
    rewards.map((row, at) => [
      names[at] ?? names[0],
      new Map(arms.map((id, arm) => [id, { reward: row[arm] as number, weight }])),
    ]),
  ) as Parameters<typeof tabulateEvidence>[0];
  return ArmEffects.fit(tabulateEvidence(totals, arms)) as ArmEffects;
}

describe("ArmEffects", () => {
  // Rewards of two arms in six code types, 50 outcomes each.
  const rewards = [
    [40, 30],
    [35, 36],
    [20, 8],
    [45, 38],
    [30, 12],
    [42, 41],
  ] as const;
  const weight = 50;
  const effects = effectsOf(rewards, weight);

  /** Σ n·y(1 − y) / Σ(n − 1), with one outcome at the overall mean. */
  const v = (() => {
    const cells = rewards.flat().map((reward) => reward / weight);
    const overall = cells.reduce((sum, y) => sum + y, 0) / cells.length;
    const spread = cells.reduce((sum, y) => sum + weight * y * (1 - y), 0);
    return (spread + overall * (1 - overall)) / (cells.length * (weight - 1) + 1);
  })();

  it("estimates the noise of an outcome within cells", () => {
    expect(effects.outcomeVariance).toBeCloseTo(v, 14);
  });

  it("equal weights: Paule & Mandel's equation has the closed form 2τ² + 2v/n = sample variance of the differences", () => {
    const gaps = rewards.map(([a, b]) => (a - b) / weight);
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / (gaps.length - 1);
    expect(effects.degreesOfFreedom).toBe(5);
    expect(2 * effects.interactionVariance + (2 * v) / weight).toBeCloseTo(variance, 7);
  });

  it("equal weights: the difference of the effects is the mean difference", () => {
    const difference = (effects.effect(0)?.value ?? 0) - (effects.effect(1)?.value ?? 0);
    expect(difference).toBeCloseTo((212 - 165) / 300, 5);
  });

  it("equal weights: the variance of an effect is that of a mean of six cells", () => {
    const cell = effects.interactionVariance + v / weight;
    expect(effects.effect(0)?.variance).toBeCloseTo(cell / 6, 12);
    expect(effects.effect(0)?.outcomes).toBe(300);
  });

  it("a row's own outcomes are left out of effectWithout: mean of the other cells, less their levels", () => {
    const all = effects.effect(0);
    const without = effects.effectWithout(0, 2);
    expect(without?.outcomes).toBe(250);
    expect(without?.variance).toBeCloseTo(((all?.variance ?? 0) * 6) / 5, 12);
    // The hard code type is left out, but its level was taken off: the effect hardly moves.
    expect(Math.abs((without?.value ?? 0) - (all?.value ?? 0))).toBeLessThan(0.03);
  });

  it("agreement is the ratio of two normal densities of the row's means, with the level's variance in common", () => {
    const ownVariance = 1 / 12;
    const row = 3;
    const away = [0, 1].map((arm) => {
      const effect = effects.effectWithout(arm, row);
      return {
        x:
          (rewards[row] as readonly [number, number])[arm as 0 | 1] / weight - (effect?.value ?? 0),
        variance: effects.interactionVariance + v / weight + (effect?.variance ?? 0),
      };
    }) as [{ x: number; variance: number }, { x: number; variance: number }];
    // The level as predicted is shrunk by σ²p/(1 + σ²p), p the precision of the row's mean; that gives σ² away.
    const cellVariance = effects.interactionVariance + v / weight;
    const p = 2 / cellVariance;
    const raw = [0, 1].reduce((sum, arm) => {
      const reward = (rewards[row] as readonly [number, number])[arm as 0 | 1];
      return sum + (reward / weight - (effects.effect(arm)?.value ?? 0)) / 2;
    }, 0);
    const shrunk = effects.level(row) / raw;
    const levelVariance = Math.max(shrunk / (1 - shrunk) / p, 0.01);
    const logDensity = (more: number) => {
      const [a, b] = away;
      const [va, vb] = [a.variance + more + levelVariance, b.variance + more + levelVariance];
      const determinant = va * vb - levelVariance ** 2;
      const squares = (vb * a.x ** 2 - 2 * levelVariance * a.x * b.x + va * b.x ** 2) / determinant;
      return -(Math.log(determinant) + squares) / 2;
    };
    const expected = logDensity(0) - logDensity(ownVariance);
    expect(effects.logAgreement(row, ownVariance)).toBeCloseTo(expected, 10);
    expect(effects.logAgreement(row, ownVariance * 1.01)).not.toBeCloseTo(expected, 4);
  });

  it("levels are around 0 and shrunk", () => {
    const levels = rewards.map((_, row) => effects.level(row));
    expect(levels[2]).toBeLessThan(-0.25);
    expect(levels[2]).toBeGreaterThan((20 + 8) / 100 - (212 + 165) / 600);
    expect(Math.abs(levels.reduce((sum, level) => sum + level, 0))).toBeLessThan(0.05);
  });

  it("no interaction where the differences vary less than chance allows", () => {
    const even = effectsOf(
      Array.from({ length: 8 }, () => [30, 25] as const),
      50,
    );
    expect(even.interactionVariance).toBe(0);
  });

  it("finds the interaction under evidence of any weight", () => {
    for (const n of [10, 1e3, 1e7, 1e12]) {
      const opposite = effectsOf(
        Array.from({ length: 8 }, (_, row) =>
          row % 2 === 0 ? ([0.9 * n, 0.1 * n] as const) : ([0.1 * n, 0.9 * n] as const),
        ),
        n,
      );
      // Differences of ±0.8: their sample variance is 2τ² and noise.
      expect(2 * opposite.interactionVariance + (2 * opposite.outcomeVariance) / n).toBeCloseTo(
        Math.min((8 / 7) * 0.64, 0.5 + (2 * opposite.outcomeVariance) / n),
        6,
      );
    }
  });
});
