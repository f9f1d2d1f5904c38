import { describe, expect, it } from "vitest";
import {
  EqualityEProcess,
  type EqualityEProcessOptions,
} from "../../../src/statistics/equality-e-process.ts";
import type { RewardedDecision } from "../../../src/statistics/logged-decision.ts";
import {
  adaptiveReference,
  armNamesOf,
  decisionsOf,
  type LogReference,
} from "../../fixtures/reference/adaptive-reference.ts";
import { accepted, reasonOf } from "../../fixtures/reference/statistics-reference.ts";
import { largestError } from "../../support/largest-error.ts";

function filled(
  options: EqualityEProcessOptions,
  decisions: Iterable<RewardedDecision>,
): EqualityEProcess {
  const process = new EqualityEProcess(options);
  for (const decision of decisions) process.push(decision);
  return process;
}

const options = { arms: ["a", "b", "c"], treatment: 1, control: 0 };
const binaryLog = adaptiveReference.logs[0] as LogReference;

function largestErrorOn(decisions: readonly RewardedDecision[]): number {
  const errors = binaryLog.e_processes.map((expected) => {
    const { treatment, control } = expected;
    const process = filled({ arms: armNamesOf(binaryLog), treatment, control }, decisions);
    const names = ["logEValue", "logEValueMax", "pValue"] as const;
    return largestError(accepted(process.result()), expected, names);
  });
  return Math.max(...errors);
}

describe("EqualityEProcess", () => {
  it("agrees with the product over the whole log within 1e-10", () => {
    expect(binaryLog.e_processes).toHaveLength(3);
    expect(largestErrorOn(decisionsOf(binaryLog))).toBeLessThan(1e-10);
  });

  it("misses it when one reward of the log is another one (negative control)", () => {
    const changed = decisionsOf(binaryLog).map((decision, index) =>
      index === 100 ? { ...decision, reward: 1 - decision.reward } : decision,
    );
    expect(largestErrorOn(changed)).toBeGreaterThan(1e-3);
  });

  it("has a factor whose mean over the arms is 1, whichever the reward and the past", () => {
    const past = decisionsOf(binaryLog).slice(0, 200);
    const propensities = [0.3, 0.1, 0.6];
    const before = accepted(filled(options, past).result()).logEValue;
    for (const reward of [0, 1]) {
      const factor = (arm: number): number =>
        Math.exp(
          accepted(filled(options, [...past, { propensities, arm, reward }]).result()).logEValue -
            before,
        );
      expect(0.75 * factor(0) + 0.25 * factor(1)).toBeCloseTo(1, 12);
      expect(factor(2)).toBe(1);
    }
  });

  it("keeps the largest e-value: a rejection stays one", () => {
    const step = (arm: number, reward: number) => ({ propensities: [0.5, 0.5, 0], arm, reward });
    const process = filled(options, []);
    let rejectedAt = -1;
    for (let index = 0; index < 100; index += 1) {
      process.push(step(index % 2, index % 2));
      if (rejectedAt < 0 && accepted(process.result()).rejected) rejectedAt = index;
    }
    expect(rejectedAt).toBeGreaterThan(0);
    expect(rejectedAt).toBeLessThan(40);
    const atBest = accepted(process.result());
    for (let index = 0; index < 90; index += 1) process.push(step(index % 2, 1 - (index % 2)));
    const after = accepted(process.result());
    expect(after.logEValue).toBeLessThan(atBest.logEValue);
    expect(after.pValue).toBe(atBest.pValue);
    expect(after.rejected).toBe(true);
  });

  it("does not overflow: a million rewards of 1 against as many of 0", () => {
    const process = new EqualityEProcess({ arms: ["a", "b"], treatment: 1, control: 0 });
    for (let index = 0; index < 2_000_000; index += 1) {
      process.push({ propensities: [0.5, 0.5], arm: index % 2, reward: index % 2 });
    }
    const { eValue, logEValue, pValue } = accepted(process.result());
    // Each of them is worth almost ln 2.
    expect(logEValue).toBeGreaterThan(1_386_000);
    expect(logEValue).toBeLessThan(2_000_000 * Math.LN2);
    expect(eValue).toBe(Number.MAX_VALUE);
    expect(pValue).toBe(Number.MIN_VALUE);
  });

  it("learns nothing from decisions that left no choice between the two", () => {
    const only = { propensities: [1, 0, 0], arm: 0, reward: 1 };
    const fifty = Array.from({ length: 50 }, () => only);
    const { logEValue, pValue, controlN } = accepted(filled(options, fifty).result());
    expect(logEValue).toBe(0);
    expect(pValue).toBe(1);
    expect(controlN).toBe(50);
  });

  describe("refuses", () => {
    const good = { propensities: [0.5, 0.5, 0], arm: 0, reward: 1 };
    it.each<[string, Partial<RewardedDecision>, string]>([
      ["a fractional reward", { reward: 0.5 }, "out_of_range"],
      ["a reward that is NaN", { reward: Number.NaN }, "not_finite"],
      [
        "a fractional reward of another arm",
        { propensities: [0, 0, 1], arm: 2, reward: 0.5 },
        "out_of_range",
      ],
      ["propensities that do not add up to 1", { propensities: [0.5, 0.4, 0] }, "bad_propensity"],
      ["an arm served with propensity 0", { arm: 2 }, "bad_propensity"],
      ["an arm that is none", { arm: 3 }, "unknown_arm"],
    ])("%s, whatever comes after it", (_, part, reason) => {
      const process = filled(options, [good, { ...good, ...part }, good]);
      expect(reasonOf(process.result())).toBe(reason);
      expect(process.push(good)?.message).toMatch(/^decision 1: /);
    });

    it("a log without a reward of either arm", () => {
      expect(reasonOf(filled(options, []).result())).toBe("empty");
      const other = { propensities: [0.3, 0.3, 0.4], arm: 2, reward: 1 };
      expect(reasonOf(filled(options, [other]).result())).toBe("empty");
    });

    it("arms that are none or one and the same, and a level that is none", () => {
      const reasonWith = (changes: Partial<EqualityEProcessOptions>) =>
        reasonOf(filled({ ...options, ...changes }, [good]).result());
      expect(reasonWith({ treatment: 3 })).toBe("unknown_arm");
      expect(reasonWith({ control: Number.NaN })).toBe("unknown_arm");
      expect(reasonWith({ treatment: 0 })).toBe("out_of_range");
      expect(reasonOf(filled(options, [good]).result({ alpha: 1 }))).toBe("out_of_range");
    });
  });
});
