import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Evaluation } from "../../../src/statistics/off-policy/evaluation.ts";
import type { LoggedRow } from "../../../src/statistics/off-policy/logged-row.ts";
import type { Result } from "../../../src/statistics/result.ts";
import { evaluateOffPolicy } from "../../support/evaluate-off-policy.ts";

const armNames = ["a", "b", "c"] as const;
const contexts = ["x", "y"] as const;

/** Any float64 there is, the strange ones often. */
const anyNumber = fc.oneof(
  fc.double(),
  fc.constantFrom(0, 1, -1, 0.5, 1e-6, 5e-324, 1e308, -1e308, Number.NaN, Number.POSITIVE_INFINITY),
);
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

function estimatesOf(evaluation: Evaluation): readonly Result<object>[] {
  const { onPolicy, ips, snips, dm, dr, switchDr } = evaluation;
  return [onPolicy, ips, snips, dm, dr, switchDr];
}

/** Every number anywhere in it, with the threshold that is not there left out. */
function numbersIn(value: object): readonly number[] {
  return Object.values(value).flatMap((part) => (typeof part === "number" ? [part] : []));
}

function expectSound(result: Result<Evaluation>): void {
  if (!result.ok) {
    expect(result.refusal.message).not.toBe("");
    return;
  }
  for (const number of numbersIn(result.value.diagnostics))
    expect(number).toSatisfy(Number.isFinite);
  for (const estimate of estimatesOf(result.value)) {
    if (!estimate.ok) {
      expect(estimate.refusal.message).not.toBe("");
      continue;
    }
    for (const number of numbersIn(estimate.value)) expect(number).toSatisfy(Number.isFinite);
    const { low, value, high, standardError } = estimate.value as Record<string, number>;
    expect(low).toBeLessThanOrEqual(value as number);
    expect(high).toBeGreaterThanOrEqual(value as number);
    expect(standardError).toBeGreaterThan(0);
  }
}

describe("an off-policy evaluation", () => {
  it("never throws and never gives NaN, whatever the numbers are", () => {
    fc.assert(
      fc.property(
        rowsOf(anyNumber, anyNumber),
        fc.tuple(anyNumber, anyNumber, anyNumber),
        fc.record(
          {
            level: anyNumber,
            effectiveSampleSizeMin: anyNumber,
            folds: anyNumber,
            shrinkage: anyNumber,
            threshold: anyNumber,
          },
          { requiredKeys: [] },
        ),
        (rows, anyShares, options) => {
          const policy = { arms: armNames, sharesIn: () => anyShares };
          expectSound(evaluateOffPolicy(rows, { policy, ...options }));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("nor when every single number is allowed and only their products are too much", () => {
    fc.assert(
      fc.property(
        rowsOf(extremePropensity, extremeReward),
        shares,
        fc.constantFrom({}, { threshold: 2 }, { threshold: 1e20 }, { level: 0.999999 }),
        (rows, each, options) => {
          const policy = { arms: armNames, sharesIn: () => each };
          expectSound(evaluateOffPolicy(rows, { policy, effectiveSampleSizeMin: 1, ...options }));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("of rewards that are the same wherever the candidate serves has no spread in SNIPS, and says so", () => {
    const rows = rowsOf(fc.constantFrom(0.2, 0.3, 0.5), fc.constantFrom(0.1, 0.2, 0.7));
    fc.assert(
      fc.property(rows, fc.constantFrom(0.3, 0.1 + 0.2, 1e6 / 3), (anyRows, constant) => {
        const policy = { arms: ["a", "b"], sharesIn: () => [0.7, 0.3] };
        const result = evaluateOffPolicy(
          anyRows.map((row) => ("ab".includes(row.arm) ? { ...row, reward: constant } : row)),
          { policy, effectiveSampleSizeMin: 1 },
        );
        // The models of DM and DR also look at the other arms, and may have a spread from there.
        if (result.ok) expect(result.value.snips.ok).toBe(false);
      }),
    );
  });

  const tameRows = rowsOf(fc.constantFrom(0.2, 0.3, 0.5), fc.constantFrom(0, 0.25, 1));

  it("of rows in another order within their folds is the same", () => {
    fc.assert(
      fc.property(tameRows, shares, fc.nat({ max: 9 }), (rows, each, start) => {
        const policy = { arms: armNames, sharesIn: () => each };
        const options = { policy, effectiveSampleSizeMin: 1, folds: 2 };
        // Exchanges two rows of the same fold.
        const other = [...rows];
        const [one, two] = [rows[start], rows[start + 4]];
        if (one !== undefined && two !== undefined) {
          other[start] = two;
          other[start + 4] = one;
        }
        expectClose(evaluateOffPolicy(rows, options), evaluateOffPolicy(other, options));
      }),
    );
  });

  it("of rewards that are all moved or scaled moves and scales what it should", () => {
    fc.assert(
      fc.property(tameRows, shares, (rows, each) => {
        const policy = { arms: armNames, sharesIn: () => each };
        const options = { policy, effectiveSampleSizeMin: 1, threshold: 2 };
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
      }),
    );
  });

  it("of the policy that made the log is its plain mean, by IPS and by SNIPS", () => {
    fc.assert(
      fc.property(
        shares,
        fc.array(fc.nat({ max: 999 }), { minLength: 3, maxLength: 60 }),
        (each, draws) => {
          const rows: LoggedRow[] = draws.map((draw) => ({
            context: "x",
            arm: armNames[draw % 3] as string,
            propensity: Math.max(each[draw % 3] as number, 1e-3),
            reward: (draw % 7) / 7,
          }));
          const served = rows.filter((row) => each[armNames.indexOf(row.arm as "a")] !== 0);
          const mean = served.reduce((sum, row) => sum + row.reward, 0) / served.length;
          const policy = { arms: armNames, sharesIn: () => each };
          const result = evaluateOffPolicy(served, { policy, effectiveSampleSizeMin: 1 });
          if (!result.ok) return;
          for (const estimate of [result.value.ips, result.value.snips]) {
            if (estimate.ok) expect(estimate.value.value).toBeCloseTo(mean, 9);
          }
        },
      ),
    );
  });
});

function expectClose(one: Result<Evaluation>, other: Result<Evaluation>): void {
  if (!one.ok || !other.ok) {
    expect(other).toEqual(one);
    return;
  }
  const others = estimatesOf(other.value);
  for (const [index, estimate] of estimatesOf(one.value).entries()) {
    const twin = others[index] as Result<object>;
    // Which side of the limit of 2 it falls on is a matter of the last digit.
    const onTheEdge = Math.abs(one.value.diagnostics.standardErrorRows - 2) < 1e-9;
    if (!onTheEdge) expect(twin.ok).toBe(estimate.ok);
    if (!estimate.ok || !twin.ok) continue;
    const values = numbersIn(twin.value);
    for (const [at, number] of numbersIn(estimate.value).entries()) {
      expect(values[at]).toBeCloseTo(number, 9);
    }
  }
}
