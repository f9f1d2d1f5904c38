import { describe, expect, it } from "vitest";
import { Aipw, type AipwOptions } from "../../../src/statistics/aipw.ts";
import type { RewardedDecision } from "../../../src/statistics/logged-decision.ts";
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
import { largestError } from "../../support/largest-error.ts";

function filled(options: AipwOptions, decisions: Iterable<RewardedDecision>): Aipw {
  const aipw = new Aipw(options);
  for (const decision of decisions) aipw.push(decision);
  return aipw;
}

/** `count` decisions between two arms, the rewards 0 and 1 in turn on each. */
function evenLog(count: number, share = 0.5): RewardedDecision[] {
  const served = [0, 0];
  return Array.from({ length: count }, (_, index) => {
    const arm = index % Math.round(1 / share) === 0 ? 1 : 0;
    const reward = (served[arm] as number) % 2;
    served[arm] = (served[arm] as number) + 1;
    return { propensities: [1 - share, share], arm, reward };
  });
}

const twoArms: AipwOptions = { arms: ["a", "b"], control: 0 };

/** Largest relative error over everything the reference knows of a log. */
function largestErrorOn(log: LogReference, decisions: readonly RewardedDecision[]): number {
  const interval = ["estimate", "standardError", "low", "high"] as const;
  const overlap = ["served", "effectiveSampleSize", "meanWeight"] as const;
  const errors = log.aipw.flatMap(({ weighting, alpha, control, values, differences }) => {
    const aipw = filled({ arms: armNamesOf(log), control, weighting }, decisions);
    const ofValues = values.map((expected, arm) =>
      largestError(accepted(aipw.value(arm, { alpha })), expected, [...interval, ...overlap]),
    );
    const ofDifferences = differences.flatMap((expected) => {
      const actual = accepted(aipw.difference(expected.arm, { alpha }));
      return [
        largestError(actual, expected, [...interval, "pValue"]),
        largestError(actual.treatment, expected.treatment, overlap),
        largestError(actual.control, expected.control, overlap),
      ];
    });
    return [...ofValues, ...ofDifferences];
  });
  return Math.max(...errors);
}

describe("Aipw", () => {
  for (const log of adaptiveReference.logs) {
    it(`${log.name}: agrees with the formula over whole arrays within 1e-10`, () => {
      expect(largestErrorOn(log, decisionsOf(log))).toBeLessThan(1e-10);
    });

    it(`${log.name}: misses it when one propensity in a hundred is off by a percent (negative control)`, () => {
      const perturbed = decisionsOf(log).map((decision, index) =>
        index % 100 === 50 ? { ...decision, propensities: shifted(decision) } : decision,
      );
      expect(largestErrorOn(log, perturbed)).toBeGreaterThan(1e-6);
    });
  }

  it("moves and stretches with the rewards", () => {
    const decisions = decisionsOf(adaptiveReference.logs[0] as LogReference);
    const arms = ["a", "b", "c"];
    const plain = filled({ arms, control: 0, range: "unbounded" }, decisions);
    const moved = filled(
      { arms, control: 0, range: "unbounded" },
      decisions.map((decision) => ({ ...decision, reward: 1e6 + 50 * decision.reward })),
    );
    for (const arm of [1, 2]) {
      const before = accepted(plain.difference(arm));
      const after = accepted(moved.difference(arm));
      expect(relativeError(after.estimate, 50 * before.estimate)).toBeLessThan(1e-8);
      expect(relativeError(after.standardError, 50 * before.standardError)).toBeLessThan(1e-8);
      expect(relativeError(after.pValue, before.pValue)).toBeLessThan(1e-6);
    }
    const [before, after] = [accepted(plain.value(2)), accepted(moved.value(2))];
    expect(relativeError(after.estimate, 1e6 + 50 * before.estimate)).toBeLessThan(1e-12);
  });

  it("is the difference of the means with equal, fixed shares", () => {
    const { estimate, treatment } = accepted(filled(twoArms, evenLog(400)).difference(1));
    expect(Math.abs(estimate)).toBeLessThan(0.01);
    expect(treatment.served).toBe(199);
    expect(Math.abs(treatment.meanWeight - 1)).toBeLessThan(0.01);
  });

  it("leaves out of a difference what could serve one of the two only", () => {
    const alone = { propensities: [1, 0], arm: 0, reward: 1 };
    const decisions = evenLog(400);
    const without = accepted(filled(twoArms, decisions).difference(1));
    const withThem = filled(twoArms, [...decisions, ...Array.from({ length: 300 }, () => alone)]);
    expect(accepted(withThem.difference(1))).toEqual(without);
    expect(accepted(withThem.value(0)).served).toBe(without.control.served + 300);
  });

  describe("refuses", () => {
    const good = { propensities: [0.5, 0.5], arm: 0, reward: 1 };
    it.each<[string, Partial<RewardedDecision>, string]>([
      ["a reward that is NaN", { reward: Number.NaN }, "not_finite"],
      ["an infinite reward", { reward: Number.POSITIVE_INFINITY }, "not_finite"],
      ["a reward outside the range", { reward: 1.01 }, "out_of_range"],
      ["a propensity that is NaN", { propensities: [Number.NaN, 0.5] }, "not_finite"],
      ["a propensity below 0", { propensities: [1.5, -0.5] }, "bad_propensity"],
      ["a propensity above 1", { propensities: [1.5, 0] }, "bad_propensity"],
      ["propensities that do not add up to 1", { propensities: [0.5, 0.50001] }, "bad_propensity"],
      ["an arm served with propensity 0", { propensities: [0, 1] }, "bad_propensity"],
      ["propensities of other arms", { propensities: [0.5, 0.3, 0.2] }, "unknown_arm"],
      ["an arm that is none", { arm: 2 }, "unknown_arm"],
      ["half an arm", { arm: 0.5 }, "unknown_arm"],
    ])("%s, whatever comes after it", (_, part, reason) => {
      const log = [...evenLog(200), { ...good, ...part }, ...evenLog(200)];
      const aipw = filled(twoArms, log);
      expect(reasonOf(aipw.value(0))).toBe(reason);
      expect(reasonOf(aipw.difference(1))).toBe(reason);
      const found = aipw.difference(1);
      expect(found.ok ? "" : found.refusal.message).toMatch(/^decision 200: /);
      expect(aipw.push(good)?.reason).toBe(reason);
    });

    it("an empty log", () => {
      expect(reasonOf(new Aipw(twoArms).value(0))).toBe("empty");
    });

    it.each<[string, AipwOptions, string]>([
      ["one arm", { arms: ["a"], control: 0 }, "too_few"],
      ["too many arms", { arms: Array.from({ length: 1001 }, String), control: 0 }, "out_of_range"],
      ["a control that is no arm", { ...twoArms, control: 2 }, "unknown_arm"],
      ["a range that is none", { ...twoArms, range: { low: 1, high: 1 } }, "out_of_range"],
    ])("%s", (_, options, reason) => {
      expect(reasonOf(filled(options, evenLog(400)).value(0))).toBe(reason);
    });

    it("fewer than 30 successes or 30 failures of an arm", () => {
      expect(reasonOf(filled(twoArms, evenLog(118)).difference(1))).toBe("too_few");
      expect(reasonOf(filled(twoArms, evenLog(120)).difference(1))).toBe("accepted");
      const found = filled(twoArms, evenLog(118)).value(1);
      expect(found.ok ? "" : found.refusal.message).toBe(
        "b has 29 successes and 30 failures; the estimate needs 30 of each",
      );
    });

    it("fewer than 100 rewards of an arm where nothing is known of their range", () => {
      const options: AipwOptions = { ...twoArms, range: "unbounded" };
      expect(reasonOf(filled(options, evenLog(199)).difference(1))).toBe("too_few");
      expect(reasonOf(filled(options, evenLog(200)).difference(1))).toBe("accepted");
    });

    it("rewards that are all the same", () => {
      const same = evenLog(400).map((decision) => ({ ...decision, reward: 0.3 }));
      expect(reasonOf(filled(twoArms, same).value(0))).toBe("zero_variance");
      expect(reasonOf(filled(twoArms, same).difference(1))).toBe("zero_variance");
    });

    it("a log that one tiny propensity dominates", () => {
      const rare = { propensities: [1 - 1e-6, 1e-6], arm: 1, reward: 1 };
      const uniform = filled({ ...twoArms, weighting: "uniform" }, [...evenLog(10_000), rare]);
      expect(reasonOf(uniform.value(1))).toBe("no_overlap");
      expect(reasonOf(uniform.difference(1))).toBe("no_overlap");
      expect(reasonOf(uniform.value(0))).toBe("accepted");
    });

    it("a log that is worth fewer than 30 rewards of the arm", () => {
      const reasonWith = (propensity: number): string => {
        const rare = { propensities: [1 - propensity, propensity], arm: 1, reward: 1 };
        const log = [...evenLog(10_000), rare];
        return reasonOf(filled({ ...twoArms, weighting: "uniform" }, log).value(1));
      };
      // (10,000 + w)² / (20,000 + w²) is 27 for a weight of 2,400, 36 for 2,000.
      expect(reasonWith(1 / 2400)).toBe("no_overlap");
      // Worth enough, but to serve something so rare at the first opportunity is suspicious.
      expect(reasonWith(1 / 2000)).toBe("bad_propensity");
    });

    it("a log in which the arm was nearly never possible, before the large weights come", () => {
      const hopeless = { propensities: [1 - 1e-5, 1e-5], arm: 0, reward: 1 };
      const late = Array.from({ length: 20_000 }, () => hopeless);
      expect(reasonOf(filled(twoArms, [...evenLog(200), ...late]).value(1))).toBe("no_overlap");
    });

    it("a log whose second half would rest on one draw, which may not have come", () => {
      const reasonAfter = (count: number): string => {
        const late = { propensities: [0.999, 0.001], arm: 0, reward: 1 };
        const log = [...evenLog(1000), ...Array.from({ length: count }, () => late)];
        return reasonOf(filled(twoArms, log).value(1));
      };
      // Each decision has the same part of the variance: (1000 + n)³ / (1000·√2 + n·√1000)² is 10.0 for n = 584.
      expect(reasonAfter(580)).toBe("accepted");
      expect(reasonAfter(590)).toBe("no_overlap");
    });

    it("an arm that was not served as often as its propensities say", () => {
      const wrong = evenLog(3000, 1 / 3).map((decision) => ({
        ...decision,
        propensities: [0.75, 0.25],
      }));
      expect(reasonOf(filled(twoArms, wrong).value(1))).toBe("bad_propensity");
      expect(reasonOf(filled(twoArms, evenLog(3000, 1 / 3)).value(1))).toBe("accepted");
    });

    it("numbers that overflow", () => {
      const huge = evenLog(400).map((decision) => ({
        ...decision,
        reward: decision.reward === 1 ? 1e308 : -1e308,
      }));
      const aipw = filled({ ...twoArms, range: "unbounded" }, huge);
      expect(reasonOf(aipw.value(0))).toBe("not_finite");
      expect(reasonOf(aipw.difference(1))).toBe("not_finite");
    });

    it("a level that is none, and the control against itself", () => {
      const aipw = filled(twoArms, evenLog(400));
      expect(reasonOf(aipw.value(0, { alpha: 0 }))).toBe("out_of_range");
      expect(reasonOf(aipw.difference(1, { alpha: Number.NaN }))).toBe("not_finite");
      expect(reasonOf(aipw.difference(0))).toBe("out_of_range");
      expect(reasonOf(aipw.value(-1))).toBe("unknown_arm");
    });
  });
});

/** The served arm's propensity raised by a percent, at the cost of the next arm that has some. */
function shifted({ propensities, arm }: RewardedDecision): readonly number[] {
  const changed = Array.from(propensities);
  const part = (changed[arm] as number) * 0.01;
  const other = changed.findIndex((propensity, index) => index !== arm && propensity > part);
  changed[arm] = (changed[arm] as number) + part;
  changed[other] = (changed[other] as number) - part;
  return changed;
}
