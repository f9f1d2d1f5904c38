import { describe, expect, it } from "vitest";
import type { Posterior } from "../../../src/bandit/posterior.ts";
import { SharedPrior } from "../../../src/bandit/shared-prior.ts";
import { parseCodeType, parseVariantId, type VariantId } from "../../../src/domain/ids.ts";
import { armNames, type Cells, codeTypeNames } from "../../support/code-type-simulation.ts";

const [first, second, third] = armNames(3) as [VariantId, VariantId, VariantId];
const prior = { alpha: 1, beta: 1 };

/** Every code type has seen `weight` outcomes of every arm; undefined: of none. */
function table(
  codeTypeCount: number,
  arms: readonly VariantId[],
  weight: number,
  meanOf: (row: number, arm: number) => number | undefined,
): Cells {
  return new Map(
    codeTypeNames(codeTypeCount).map((name, row) => [
      name,
      new Map(
        arms.flatMap((id, arm) => {
          const mean = meanOf(row, arm);
          return mean === undefined ? [] : [[id, { reward: weight * mean, weight }] as const];
        }),
      ),
    ]),
  );
}

function estimate(codeTypes: Cells, variantIds = [first, second, third], strengthMax = 300) {
  return SharedPrior.estimate({ codeTypes, variantIds, prior, strengthMax });
}

const name = (row: number) => codeTypeNames(row + 1)[row] ?? parseCodeType("none");
const strength = ({ alpha, beta }: Posterior) => alpha + beta - 2;
/** Of what is added to the policy's prior. */
const mean = (shape: Posterior) => (shape.alpha - 1) / strength(shape);

/** Twelve code types that agree: an arm earns the same in each of them. */
const agreed = (means: readonly number[], weight = 400, arms = [first, second]) =>
  table(12, arms, weight, (_, arm) => means[arm]);

/** Small and regular, so that the arms' effects are the same everywhere but for it. */
const wobble = (row: number) => 0.01 * ((row % 3) - 1);

describe("SharedPrior", () => {
  it("tells a code type what all others agree on", () => {
    const shared = estimate(agreed([0.8, 0.7]));
    for (const codeType of [name(3), parseCodeType("never-seen")]) {
      expect(mean(shared.priorOf(codeType, first))).toBeCloseTo(0.8, 6);
      expect(mean(shared.priorOf(codeType, second))).toBeCloseTo(0.7, 6);
      expect(strength(shared.priorOf(codeType, first))).toBeGreaterThan(100);
    }
  });

  it("says nothing about arms where code types disagree", () => {
    const shared = estimate(
      table(12, [first, second], 400, (row, arm) => (row % 2 === arm ? 0.6 : 0.4)),
    );
    expect(strength(shared.priorOf(name(0), first))).toBe(0);
    expect(strength(shared.priorOf(name(0), second))).toBe(0);
  });

  it("shares less, the more code types differ in what an arm is worth to them", () => {
    const strengths = [0, 0.02, 0.05, 0.1].map((spread) => {
      const shared = estimate(
        table(12, [first, second], 400, (row, arm) =>
          arm === 0 ? 0.7 : 0.6 + spread * (row % 2 === 0 ? 1 : -1),
        ),
      );
      return strength(shared.priorOf(name(0), first));
    });
    expect(strengths).toEqual([...strengths].sort((a, b) => b - a));
    expect(strengths[3]).toBeLessThan(25);
  });

  it("is never stronger than allowed", () => {
    const codeTypes = agreed([0.8, 0.7], 1e6);
    for (const strengthMax of [0, 1, 25.5, 1000]) {
      const shared = estimate(codeTypes, [first, second], strengthMax);
      expect(strength(shared.priorOf(name(0), first))).toBeCloseTo(strengthMax, 9);
    }
  });

  it("a code type's own outcomes of an arm speak for its level only, not for that arm", () => {
    const gapAt = (own: number) => {
      const shared = estimate(
        table(12, [first, second], 400, (row, arm) => {
          if (arm === 0) return 0.7 + wobble(row);
          return row === 5 ? own : 0.6 + wobble(row);
        }),
      );
      return mean(shared.priorOf(name(5), first)) - mean(shared.priorOf(name(5), second));
    };
    // Counted in, it would move the gap by a twelfth of the step, 0.007.
    expect(Math.abs(gapAt(0.64) - gapAt(0.56))).toBeLessThan(0.0005);
  });

  it("lets go of a code type that disagrees, the more the longer it does, of all its arms alike", () => {
    const outcomes = 400;
    const shapes = [10, 50, 100, 200].map((own) => {
      const codeTypes = new Map(agreed([0.7, 0.6], outcomes));
      const late = parseCodeType("late");
      const [reward, weight] = [0.6 * own, own];
      codeTypes.set(
        late,
        new Map([
          [first, { reward, weight }],
          [second, { reward: 0.7 * own, weight }],
        ]),
      );
      const shared = estimate(codeTypes);
      const others = [first, second].map((id) => strength(shared.priorOf(name(3), id)));
      const shares = [first, second].map(
        (id, arm) => strength(shared.priorOf(late, id)) / (others[arm] as number),
      );
      expect(Math.min(...others)).toBeGreaterThan(100);
      return shares as [number, number];
    });
    const ofFirst = shapes.map(([share]) => share);
    expect(ofFirst).toEqual(ofFirst.toSorted((a, b) => b - a));
    expect(ofFirst[0]).toBeGreaterThan(0.9);
    expect(ofFirst[3]).toBeLessThan(0.2);
    for (const [a, b] of shapes) expect(a).toBeCloseTo(b, 1);
  });

  it("follows the level of a hard code type with both arms alike", () => {
    const level = (row: number) => (row === 0 ? -0.4 : 0);
    const shared = estimate(
      table(12, [first, second], 400, (row, arm) => ([0.8, 0.7][arm] as number) + level(row)),
    );
    expect(mean(shared.priorOf(name(0), first))).toBeCloseTo(0.4, 1);
    expect(
      mean(shared.priorOf(name(0), first)) - mean(shared.priorOf(name(0), second)),
    ).toBeCloseTo(0.1, 3);
  });

  it("an arm that was tried in hard code types only does not look worse for it", () => {
    const hard = (row: number) => row < 6;
    const shared = estimate(
      table(20, [first, second, third], 400, (row, arm) => {
        if (arm === 2 && !hard(row)) return undefined;
        return ([0.7, 0.6, 0.75][arm] as number) - (hard(row) ? 0.3 : 0);
      }),
    );
    const easy = name(19);
    expect(mean(shared.priorOf(easy, third))).toBeGreaterThan(mean(shared.priorOf(easy, first)));
  });

  it("an arm that nobody has tried starts from the arms' middle, with four outcomes at most", () => {
    const shared = estimate(agreed([0.8, 0.6]));
    const newcomer = shared.priorOf(name(0), third);
    expect(mean(newcomer)).toBeCloseTo(0.7, 6);
    expect(strength(newcomer)).toBeGreaterThan(1);
    expect(strength(newcomer)).toBeLessThanOrEqual(4);
  });

  it("an arm that only this code type has tried counts as one that nobody has", () => {
    const shared = estimate(
      table(12, [first, second, third], 400, (row, arm) => {
        if (arm === 2 && row !== 0) return undefined;
        return [0.8, 0.6, 0.9][arm];
      }),
    );
    expect(strength(shared.priorOf(name(0), third))).toBeLessThanOrEqual(4);
    expect(strength(shared.priorOf(name(1), third))).toBeGreaterThan(0);
  });

  it("does not put an arm far behind on few outcomes, however bad they look", () => {
    const few = estimate(table(8, [first, second], 2, (_, arm) => [1, 0][arm]));
    const worse = few.priorOf(name(0), second);
    // 14 outcomes elsewhere: v·ln(1 + 1.4) for a gap of 1.
    expect(strength(worse)).toBeLessThanOrEqual(0.25 * Math.log1p(1.4));
    const many = estimate(table(8, [first, second], 2000, (_, arm) => [0.9, 0.1][arm]));
    expect(strength(many.priorOf(name(0), second))).toBeGreaterThan(2 * strength(worse));
  });

  it.each([
    ["a single code type", table(1, [first, second], 400, (_, arm) => [0.8, 0.7][arm])],
    ["three code types with two arms", table(3, [first, second], 400, (_, arm) => [0.8, 0.7][arm])],
    ["no code type", new Map()],
    ["outcomes that are all the same", table(12, [first, second], 400, () => 1)],
    ["a single arm", table(12, [first], 400, (row) => 0.7 + wobble(row))],
    ["less than half an outcome", agreed([0.8, 0.7], 0.4)],
    ["no numbers", agreed([0.8, 0.7], Number.NaN)],
  ])("leaves the policy's prior: %s", (_, codeTypes) => {
    const shared = estimate(codeTypes);
    for (const id of [first, second, third]) expect(shared.priorOf(name(0), id)).toEqual(prior);
  });

  it("leaves the policy's prior to variants that are not among the arms, and learns nothing from them", () => {
    const codeTypes = agreed([0.8, 0.7, 0.1], 400, [first, second, third]);
    const shared = estimate(codeTypes, [first, second]);
    expect(shared.priorOf(name(0), third)).toEqual(prior);
    expect(shared.priorOf(name(0), parseVariantId("t/other@7"))).toEqual(prior);
    const without = estimate(agreed([0.8, 0.7]));
    expect(shared.priorOf(name(0), first)).toEqual(without.priorOf(name(0), first));
  });
});
