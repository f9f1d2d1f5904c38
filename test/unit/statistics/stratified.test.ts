import { describe, expect, it } from "vitest";
import type { ArmDifference, ArmValue } from "../../../src/statistics/aipw.ts";
import { accept, type RefusalReason, refuse } from "../../../src/statistics/result.ts";
import {
  type Stratum,
  stratifiedDifference,
  stratifiedValue,
} from "../../../src/statistics/stratified.ts";
import { accepted, reasonOf } from "../../fixtures/reference/statistics-reference.ts";

const overlap = { served: 100, effectiveSampleSize: 50, meanWeight: 1.1 };

function value(estimate: number, standardError: number): ArmValue {
  return { estimate, standardError, low: estimate - 1, high: estimate + 1, ...overlap };
}

function difference(estimate: number, standardError: number): ArmDifference {
  return {
    ...{ estimate, standardError, low: estimate - 1, high: estimate + 1, pValue: 0.5 },
    ...{ statistic: 1, treatment: overlap, control: { ...overlap, effectiveSampleSize: 200 } },
  };
}

const silent = (name: string, decisions: number, reason: RefusalReason = "too_few") => ({
  name,
  decisions,
  result: refuse(reason, "b has 3 rewards"),
});

const left: Stratum<ArmValue> = {
  name: "left",
  decisions: 3000,
  result: accept(value(0.2, 0.03)),
};
const right: Stratum<ArmValue> = {
  name: "right",
  decisions: 1000,
  result: accept(value(0.6, 0.12)),
};

describe("stratified estimates", () => {
  it("weigh strata by their traffic, not by what they know", () => {
    const found = accepted(stratifiedValue([left, right]));
    // 0.75 · 0.2 + 0.25 · 0.6, and √((0.75 · 0.03)² + (0.25 · 0.12)²) = √(0.0225² + 0.03²)
    expect(found.estimate).toBeCloseTo(0.3, 14);
    expect(found.standardError).toBeCloseTo(0.0375, 14);
    expect(found.high - found.estimate).toBeCloseTo(1.959963984540054 * 0.0375, 12);
    expect(found.estimate - found.low).toBeCloseTo(1.959963984540054 * 0.0375, 12);
    expect(found.served).toBe(200);
    expect(found.meanWeight).toBeCloseTo(1.1, 14);
    // 1 / (0.75² / 50 + 0.25² / 50)
    expect(found.effectiveSampleSize).toBeCloseTo(80, 10);
    expect(found).toMatchObject({ coveredShare: 1, leftOut: [] });
  });

  it("state a difference with a p-value at its own standard error", () => {
    const strata = [
      { name: "left", decisions: 500, result: accept(difference(0.3, 0.08)) },
      { name: "right", decisions: 500, result: accept(difference(-0.1, 0.06)) },
    ];
    const found = accepted(stratifiedDifference(strata, { alpha: 0.1 }));
    expect(found.estimate).toBeCloseTo(0.1, 14);
    expect(found.standardError).toBeCloseTo(0.05, 14);
    expect(found.statistic).toBeCloseTo(2, 12);
    expect(found.pValue).toBeCloseTo(0.04550026389635839, 12);
    expect(found.high - found.low).toBeCloseTo(2 * 1.6448536269514722 * 0.05, 12);
    expect(found.treatment.effectiveSampleSize).toBeCloseTo(100, 10);
    expect(found.control.effectiveSampleSize).toBeCloseTo(400, 10);
  });

  it("are that of the stratum when there is one", () => {
    const alone = { ...left, result: accept(value(0.123, 0.0456)) };
    expect(accepted(stratifiedValue([alone]))).toMatchObject({
      estimate: 0.123,
      standardError: 0.0456,
    });
    expect(stratifiedValue([silent("left", 10)])).toEqual(refuse("too_few", "b has 3 rewards"));
  });

  it("leave out what says too little, and say so, the largest first", () => {
    const found = accepted(
      stratifiedValue([left, silent("rare", 100), right, silent("other", 200, "no_overlap")]),
    );
    expect(found.estimate).toBeCloseTo(0.3, 14);
    expect(found.standardError).toBeCloseTo(0.0375, 14);
    expect(found.coveredShare).toBeCloseTo(4000 / 4300, 14);
    expect(found.leftOut.map(({ name }) => name)).toEqual(["other", "rare"]);
    expect(found.leftOut[0]).toMatchObject({
      share: 200 / 4300,
      refusal: { reason: "no_overlap" },
    });
  });

  it("refuse below 90 % of the traffic, with the name of the stratum and its share", () => {
    const at = (decisions: number) =>
      stratifiedValue([{ ...left, decisions: 900 }, silent("rare", decisions)]);
    expect(accepted(at(100)).coveredShare).toBe(0.9);
    expect(at(101)).toEqual(
      refuse(
        "too_few",
        "rare has 10.1 % of the traffic and no number (b has 3 rewards); the numbers that there are " +
          "stand for 89.9 %, and 90.0 % are needed",
      ),
    );
  });

  it.each<RefusalReason>(["bad_propensity", "not_finite", "out_of_range", "unknown_arm"])(
    "do not leave out a stratum whose log is broken: %s",
    (reason) => {
      const found = stratifiedValue([left, right, silent("rare", 1, reason)]);
      expect(found).toEqual(refuse(reason, "in rare: b has 3 rewards"));
    },
  );

  it("refuse what is no traffic and no level", () => {
    expect(reasonOf(stratifiedValue([]))).toBe("empty");
    expect(reasonOf(stratifiedValue([{ ...left, decisions: 0 }]))).toBe("empty");
    expect(reasonOf(stratifiedValue([{ ...left, decisions: -1 }]))).toBe("out_of_range");
    expect(reasonOf(stratifiedValue([{ ...left, decisions: Number.NaN }]))).toBe("out_of_range");
    expect(reasonOf(stratifiedValue([left], { alpha: 0 }))).toBe("out_of_range");
    const huge = accept(value(1e308, 1e200));
    expect(reasonOf(stratifiedValue([{ ...left, result: huge }]))).toBe("not_finite");
  });
});
