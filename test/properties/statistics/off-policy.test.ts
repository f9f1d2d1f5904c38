import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Evaluation, ValueEstimate } from "../../../src/statistics/off-policy/evaluation.ts";
import type { LoggedRow } from "../../../src/statistics/off-policy/logged-row.ts";
import type { Result } from "../../../src/statistics/result.ts";
import { evaluateOffPolicy } from "../../support/evaluate-off-policy.ts";
import { forAll } from "../../support/for-all.ts";
import { anyNumber } from "./arbitraries.ts";
import { expectFinite, expectSound, numbersIn } from "./sound-results.ts";

const armNames = ["a", "b", "c"] as const;
const contexts = ["x", "y"] as const;

/** Numbers that pass every check of their own, and overflow or vanish on the way. */
const extremeReward = fc.constantFrom(0, 1, 1e-300, 1e100, -1e100, 1e155, -1e155, 1e308, -1e308);
const extremePropensity = fc.constantFrom(1, 0.5, 1e-6, 1e-15, 1e-29, 0.1 + 0.2);

function rowsOf(propensity: fc.Arbitrary<number>, reward: fc.Arbitrary<number>) {
  return fc.array(
    fc.record({
      context: fc.constantFrom(...contexts),
      arm: fc.constantFrom(...armNames, "only in the log"),
      propensity,
      reward,
    }),
    { maxLength: 60 },
  );
}

/** Shares of the three arms that add up to 1. */
const shares = fc
  .tuple(fc.nat({ max: 10 }), fc.nat({ max: 10 }), fc.nat({ max: 10 }))
  .map(([a, b, c]) => [a + 1, b, c].map((each) => each / (a + b + c + 1)));

function estimatesOf(evaluation: Evaluation): readonly Result<ValueEstimate>[] {
  const { onPolicy, ips, snips, dm, dr, switchDr } = evaluation;
  return [onPolicy, ips, snips, dm, dr, switchDr];
}

function expectSoundEvaluation(result: Result<Evaluation>): void {
  if (!result.ok) {
    expect(result.refusal.message).not.toBe("");
    return;
  }
  expectFinite(result.value.diagnostics);
  for (const estimate of estimatesOf(result.value)) {
    if (!expectSound(estimate)) continue;
    expect(estimate.value.standardError).toBeGreaterThan(0);
  }
}

describe("an off-policy evaluation", () => {
  /** The same shares in every context. */
  const serving = (shares: readonly number[]) => ({ arms: armNames, sharesIn: () => shares });

  it("never throws and never gives NaN, whatever the numbers are", () => {
    const options = fc.record(
      {
        level: anyNumber,
        effectiveSampleSizeMin: anyNumber,
        folds: anyNumber,
        shrinkage: anyNumber,
        threshold: anyNumber,
      },
      { requiredKeys: [] },
    );
    const anyShares = fc.tuple(anyNumber, anyNumber, anyNumber);
    const rows = rowsOf(anyNumber, anyNumber);
    return forAll([rows, anyShares, options], { numRuns: 1000 }, (rows, shares, options) => {
      expectSoundEvaluation(evaluateOffPolicy(rows, { policy: serving(shares), ...options }));
    });
  });

  it("nor when every single number is allowed and only their products are too much", () => {
    const rows = rowsOf(extremePropensity, extremeReward);
    const options = fc.constantFrom({}, { threshold: 2 }, { threshold: 1e20 }, { level: 0.999999 });
    return forAll([rows, shares, options], { numRuns: 2000 }, (rows, each, options) => {
      const common = { policy: serving(each), effectiveSampleSizeMin: 1 };
      expectSoundEvaluation(evaluateOffPolicy(rows, { ...common, ...options }));
    });
  });

  it("of rewards that are the same wherever the candidate serves has no spread in SNIPS, and says so", async () => {
    const rows = rowsOf(fc.constantFrom(0.2, 0.3, 0.5), fc.constantFrom(0.1, 0.2, 0.7));
    await forAll([rows, fc.constantFrom(0.3, 0.1 + 0.2, 1e6 / 3)], (anyRows, constant) => {
      const policy = { arms: ["a", "b"], sharesIn: () => [0.7, 0.3] };
      const result = evaluateOffPolicy(
        anyRows.map((row) => ("ab".includes(row.arm) ? { ...row, reward: constant } : row)),
        { policy, effectiveSampleSizeMin: 1 },
      );
      // The models of DM and DR also look at the other arms, and may have a spread from there.
      if (result.ok) expect(result.value.snips.ok).toBe(false);
    });
  });

  const tameRows = rowsOf(fc.constantFrom(0.2, 0.3, 0.5), fc.constantFrom(0, 0.25, 1));

  /** The standard error rests on two rows, which is the least allowed, but for rounding. */
  const twin = ["a", "only in the log", "only in the log", "c", "a"].map((arm, at) => ({
    ...{ context: "x", arm, propensity: 0.2, reward: at === 4 ? 1 : 0 },
  }));

  it("of rows in another order within their folds is the same", () =>
    forAll(
      [tameRows, shares, fc.nat({ max: 9 })],
      { examples: [[[twin, [2 / 3, 0, 1 / 3], 0]]] },
      (rows, each, start) => {
        const options = { policy: serving(each), effectiveSampleSizeMin: 1, folds: 2 };
        // Exchanges two rows of the same fold.
        const other = [...rows];
        const [one, two] = [rows[start], rows[start + 4]];
        if (one !== undefined && two !== undefined) {
          other[start] = two;
          other[start + 4] = one;
        }
        expectClose(evaluateOffPolicy(rows, options), evaluateOffPolicy(other, options));
      },
    ));

  it("of rewards that are all moved or scaled moves and scales what it should", () =>
    forAll([tameRows, shares], (rows, each) => {
      const options = { policy: serving(each), effectiveSampleSizeMin: 1, threshold: 2 };
      const plain = evaluateOffPolicy(rows, options);
      const changed = evaluateOffPolicy(
        rows.map((row) => ({ ...row, reward: 4 * row.reward - 8 })),
        options,
      );
      if (!plain.ok || !changed.ok) {
        expect(changed.ok).toBe(plain.ok);
        return;
      }
      // IPS is the one that a common part of the rewards moves by more than itself: by w̄ times it.
      for (const name of ["onPolicy", "snips", "dm", "dr", "switchDr"] as const) {
        const [before, after] = [plain.value[name], changed.value[name]];
        if (!before.ok || !after.ok) {
          expect(after.ok).toBe(before.ok);
          continue;
        }
        expect(after.value.value).toBeCloseTo(4 * before.value.value - 8, 9);
        expect(after.value.standardError).toBeCloseTo(4 * before.value.standardError, 9);
      }
    }));

  it("of the policy that made the log is its plain mean, by IPS and by SNIPS", () => {
    const draws = fc.array(fc.nat({ max: 999 }), { minLength: 3, maxLength: 60 });
    return forAll([shares, draws], (each, draws) => {
      const rows: LoggedRow[] = draws.map((draw) => ({
        context: "x",
        arm: armNames[draw % 3] as string,
        propensity: Math.max(each[draw % 3] as number, 1e-3),
        reward: (draw % 7) / 7,
      }));
      const served = rows.filter((row) => each[armNames.indexOf(row.arm as "a")] !== 0);
      const mean = served.reduce((sum, row) => sum + row.reward, 0) / served.length;
      const policy = serving(each);
      const result = evaluateOffPolicy(served, { policy, effectiveSampleSizeMin: 1 });
      if (!result.ok) return;
      for (const estimate of [result.value.ips, result.value.snips]) {
        if (estimate.ok) expect(estimate.value.value).toBeCloseTo(mean, 9);
      }
    });
  });
});

function expectClose(one: Result<Evaluation>, other: Result<Evaluation>): void {
  if (!one.ok || !other.ok) {
    expect(other).toEqual(one);
    return;
  }
  const others = estimatesOf(other.value);
  for (const [index, estimate] of estimatesOf(one.value).entries()) {
    const twin = others[index] as Result<ValueEstimate>;
    expect(twin.ok).toBe(estimate.ok);
    if (!estimate.ok || !twin.ok) continue;
    const values = numbersIn(twin.value);
    for (const [at, number] of numbersIn(estimate.value).entries()) {
      expect(values[at]).toBeCloseTo(number, 9);
    }
  }
}
