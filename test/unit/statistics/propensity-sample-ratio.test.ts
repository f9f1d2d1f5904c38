import { describe, expect, it } from "vitest";
import type { LoggedDecision } from "../../../src/statistics/logged-decision.ts";
import { PropensitySampleRatio } from "../../../src/statistics/propensity-sample-ratio.ts";
import {
  adaptiveReference,
  armNamesOf,
  decisionsOf,
  type LogReference,
} from "../../fixtures/reference/adaptive-reference.ts";
import {
  accepted,
  reasonOf,
  relativeError,
} from "../../fixtures/reference/statistics-reference.ts";

function filled(
  arms: readonly string[],
  decisions: Iterable<LoggedDecision>,
): PropensitySampleRatio {
  const check = new PropensitySampleRatio({ arms });
  for (const decision of decisions) check.push(decision);
  return check;
}

/** `count` decisions of which arm `index % arms` is served. */
function inTurn(count: number, propensities: readonly number[], arms: number): LoggedDecision[] {
  return Array.from({ length: count }, (_, index) => ({ propensities, arm: index % arms }));
}

function largestError(log: LogReference, decisions: readonly LoggedDecision[]): number {
  const expected = log.sample_ratio;
  const check = filled(armNamesOf(log), decisions);
  const actual = accepted(check.test());
  expect(actual.degreesOfFreedom).toBe(expected.degrees_of_freedom);
  const errors = [
    relativeError(actual.statistic, expected.statistic),
    relativeError(actual.pValue, expected.p_value),
    relativeError(accepted(check.sequence()).pValue, expected.sequence_p_value),
  ];
  actual.arms.forEach((arm, index) => {
    expect(arm.served).toBe(expected.served[index]);
    errors.push(relativeError(arm.expected, expected.expected[index] as number));
    errors.push(relativeError(arm.standardError, expected.standard_error[index] as number));
  });
  return Math.max(...errors);
}

describe("PropensitySampleRatio", () => {
  for (const log of adaptiveReference.logs) {
    it(`${log.name}: agrees with the pseudo-inverse within 1e-9`, () => {
      expect(largestError(log, decisionsOf(log))).toBeLessThan(1e-9);
    });

    it(`${log.name}: misses it when one propensity of the log is another one (negative control)`, () => {
      const changed = decisionsOf(log).map((decision, index) =>
        index === 70
          ? { ...decision, propensities: Array.from(decision.propensities).toReversed() }
          : decision,
      );
      expect(largestError(log, changed)).toBeGreaterThan(1e-4);
    });
  }

  it("is Pearson's chi-square with fixed shares", () => {
    const shares = [0.5, 0.3, 0.2];
    const { statistic, degreesOfFreedom } = accepted(
      filled(["a", "b", "c"], inTurn(300, shares, 3)).test(),
    );
    expect(degreesOfFreedom).toBe(2);
    const pearson = shares.reduce(
      (sum, share) => sum + (100 - 300 * share) ** 2 / (300 * share),
      0,
    );
    expect(relativeError(statistic, pearson)).toBeLessThan(1e-10);
  });

  it("drops a direction with too little variance, and tests the others", () => {
    const shares = [0.499, 0.499, 0.002];
    const decisions = inTurn(1000, shares, 2);
    const { statistic, degreesOfFreedom } = accepted(filled(["a", "b", "c"], decisions).test());
    expect(degreesOfFreedom).toBe(1);
    expect(statistic).toBeLessThan(0.01);
  });

  it("finds by the sequence what has too little variance for the chi-square", () => {
    const shares = [0.999, 0.001];
    const twentieth = inTurn(400, shares, 2).map((decision, index) => ({
      ...decision,
      arm: index % 20 === 0 ? 1 : 0,
    }));
    const check = filled(["a", "b"], twentieth);
    expect(reasonOf(check.test())).toBe("too_few");
    expect(accepted(check.sequence()).mismatch).toBe(true);
    const never = filled(["a", "b"], inTurn(400, shares, 1));
    expect(accepted(never.sequence()).mismatch).toBe(false);
  });

  it("finds what is served 55 times in a hundred and logged as a half", () => {
    const decisions = inTurn(3000, [0.5, 0.5], 20).map(({ propensities, arm }) => ({
      propensities,
      arm: arm < 11 ? 0 : 1,
    }));
    const check = filled(["a", "b"], decisions);
    expect(accepted(check.test()).mismatch).toBe(true);
    expect(accepted(check.sequence()).mismatch).toBe(true);
  });

  it("takes vectors for what they are to within the tolerance of their sum: nothing is won by it", () => {
    const missing = { propensities: [0.5 - 4e-7, 0.5 - 4e-7], arm: 0 };
    expect(accepted(filled(["a", "b"], [missing]).sequence()).pValue).toBe(1);
    const certain = { propensities: [0, 0, 1 + 5e-7], arm: 2 };
    const decisions = [
      ...inTurn(200, [0.5, 0.5, 0], 2),
      ...Array.from({ length: 100 }, () => certain),
    ];
    const { arms } = accepted(filled(["a", "b", "c"], decisions).test());
    expect(arms[2]).toEqual({ served: 100, expected: 100, standardError: 0 });
  });

  describe("refuses", () => {
    it("logs that cannot be", () => {
      const good = { propensities: [0.5, 0.5], arm: 0 };
      const bad: [Partial<LoggedDecision>, string][] = [
        [{ propensities: [0.5, 0.6] }, "bad_propensity"],
        [{ propensities: [0, 1] }, "bad_propensity"],
        [{ propensities: [Number.POSITIVE_INFINITY, 0] }, "not_finite"],
        [{ propensities: [1] }, "unknown_arm"],
        [{ arm: -1 }, "unknown_arm"],
      ];
      for (const [part, reason] of bad) {
        const check = filled(["a", "b"], [good, { ...good, ...part }, good]);
        expect(reasonOf(check.test())).toBe(reason);
        expect(reasonOf(check.sequence())).toBe(reason);
        expect(check.push(good)?.message).toMatch(/^decision 1: /);
      }
    });

    it("an empty log, one arm, a level that is none", () => {
      expect(reasonOf(filled(["a", "b"], []).test())).toBe("empty");
      expect(reasonOf(filled(["a", "b"], []).sequence())).toBe("empty");
      expect(reasonOf(filled(["a"], [{ propensities: [1], arm: 0 }]).test())).toBe("too_few");
      const sound = filled(["a", "b"], inTurn(100, [0.5, 0.5], 2));
      expect(reasonOf(sound.test())).toBe("accepted");
      expect(reasonOf(sound.test({ alpha: 0 }))).toBe("out_of_range");
      expect(reasonOf(sound.sequence({ alpha: Number.NaN }))).toBe("not_finite");
    });

    it("shares that leave nothing to chance", () => {
      expect(reasonOf(filled(["a", "b"], inTurn(5000, [1, 0], 1)).test())).toBe("too_few");
    });
  });
});
