import { describe, expect, it } from "vitest";
import type { Evaluation } from "../../../../src/statistics/off-policy/evaluation.ts";
import type { LoggedRow } from "../../../../src/statistics/off-policy/logged-row.ts";
import { readReference } from "../../../fixtures/reference/read-reference.ts";
import { evaluateOffPolicy } from "../../../support/evaluate-off-policy.ts";
import { largestError } from "../../../support/largest-error.ts";

interface ReferenceEstimate {
  readonly value: number;
  readonly standard_error: number;
  readonly low: number;
  readonly high: number;
}

interface ReferenceCase {
  readonly name: string;
  readonly options: {
    readonly level: number;
    readonly folds: number;
    readonly shrinkage: number;
    readonly threshold: number | null;
    /** Effective sample size that switch-DR's weights must have. */
    readonly least: number;
  };
  /** By context, then arm. */
  readonly shares: readonly (readonly number[])[];
  readonly context: readonly number[];
  /** −1: an arm that the candidate does not know. */
  readonly arm: readonly number[];
  readonly propensity: readonly number[];
  readonly reward: readonly number[];
  readonly expected: Readonly<Record<Estimator, ReferenceEstimate>> & {
    readonly switch_dr: ReferenceEstimate & {
      readonly threshold: number | null;
      readonly bias_bound: number;
      readonly effective_sample_size: number;
      readonly mean_weight: number;
    };
    readonly diagnostics: Readonly<Record<string, number>>;
  };
}

const estimators = ["on_policy", "ips", "snips", "dm", "dr", "switch_dr"] as const;
type Estimator = (typeof estimators)[number];

const { cases } = readReference<{ cases: readonly ReferenceCase[] }>("off-policy.json");
/** Relative; the numbers agree to some 1e-14 where nothing cancels. */
const bound = 1e-11;

function evaluated(
  reference: ReferenceCase,
  change: (row: LoggedRow, index: number) => LoggedRow = (row) => row,
): Evaluation {
  const arms = (reference.shares[0] ?? []).map((_, arm) => `arm-${arm}`);
  const { threshold, least, ...options } = reference.options;
  const result = evaluateOffPolicy(
    reference.arm.map((arm, row) =>
      change(
        {
          context: String(reference.context[row]),
          arm: arm < 0 ? "of the log only" : `arm-${arm}`,
          propensity: reference.propensity[row] as number,
          reward: reference.reward[row] as number,
        },
        row,
      ),
    ),
    {
      ...options,
      ...(threshold === null ? {} : { threshold }),
      policy: { arms, sharesIn: (context) => reference.shares[Number(context)] },
      effectiveSampleSizeMin: least,
    },
  );
  if (!result.ok) throw new Error(result.refusal.message);
  return result.value;
}

function estimatesOf(evaluation: Evaluation) {
  const { onPolicy, ips, snips, dm, dr, switchDr } = evaluation;
  return { on_policy: onPolicy, ips, snips, dm, dr, switch_dr: switchDr };
}

/** Largest relative error over everything that is given, against the reference. */
function worstError(reference: ReferenceCase, evaluation: Evaluation): number {
  const names = ["value", "standardError", "low", "high"] as const;
  const errors = Object.entries(estimatesOf(evaluation)).flatMap(([name, result]) =>
    result.ok ? [largestError(result.value, reference.expected[name as Estimator], names)] : [],
  );
  return Math.max(...errors);
}

const refused: Readonly<Record<string, readonly Estimator[]>> = {
  // Whatever weighs that one row.
  "one tiny propensity, threshold chosen": ["ips", "snips", "dr"],
  "rare rewards, one tiny propensity without one, a least effective sample size": [
    "ips",
    "snips",
    "dr",
  ],
};

describe.each(cases)("$name", (reference) => {
  const evaluation = evaluated(reference);

  it("gives values, standard errors and intervals as NumPy does, row by row", () => {
    expect(worstError(reference, evaluation)).toBeLessThan(bound);
  });

  it("refuses exactly what it should", () => {
    const names = estimators.filter((name) => !estimatesOf(evaluation)[name].ok);
    expect(names).toEqual(refused[reference.name] ?? []);
  });

  it("gives the same diagnostics", () => {
    const names = [
      "effectiveSampleSize",
      "meanWeight",
      "meanWeightStandardError",
      "largestWeight",
      "standardErrorRows",
      "unservedShare",
    ] as const;
    const { diagnostics } = reference.expected;
    expect(Object.keys(diagnostics)).toHaveLength(names.length);
    expect(largestError(evaluation.diagnostics, diagnostics, names)).toBeLessThan(bound);
  });

  it("leaves the same weights to the model in switch-DR", () => {
    const { switchDr } = evaluation;
    const expected = reference.expected.switch_dr;
    if (!switchDr.ok) throw new Error(switchDr.refusal.message);
    expect(switchDr.value.threshold ?? null).toBe(expected.threshold);
    const names = ["biasBound", "effectiveSampleSize", "meanWeight"] as const;
    expect(largestError(switchDr.value, expected, names)).toBeLessThan(bound);
  });

  it("would not pass with one reward off by 1e-6, another number of folds, or a slightly stronger shrinkage", () => {
    const off = evaluated(reference, (row, index) =>
      index === 3 ? { ...row, reward: row.reward + 1e-6 * Math.max(1, row.reward) } : row,
    );
    expect(worstError(reference, off)).toBeGreaterThan(bound);
    const { folds, shrinkage } = reference.options;
    // In a single context a cell's mean and the arm's are the same, and nothing is drawn anywhere.
    const stronger = reference.shares.length > 1 ? [{ shrinkage: shrinkage * 1.001 }] : [];
    for (const options of [{ folds: folds + 1 }, ...stronger]) {
      const other = evaluated({ ...reference, options: { ...reference.options, ...options } });
      expect(worstError(reference, other)).toBeGreaterThan(bound);
    }
  });
});

it("covers thresholds given, chosen, and not needed", () => {
  const kinds = cases.map(({ options, expected }) =>
    options.threshold !== null
      ? "given"
      : expected.switch_dr.threshold === null
        ? "none"
        : "chosen",
  );
  expect(new Set(kinds)).toEqual(new Set(["given", "none", "chosen"]));
});

it("leaves nothing to the model where the least effective sample size does not ask for it", () => {
  const constrained = cases.find(({ options }) => options.least > 1) as ReferenceCase;
  const free = { ...constrained, options: { ...constrained.options, least: 1 } };
  const { switchDr } = evaluated(free);
  expect(switchDr.ok && switchDr.value.threshold).toBeUndefined();
});
