import { describe, expect, it } from "vitest";
import { sequenceBoundary } from "../../../src/statistics/confidence-sequence.ts";
import {
  accepted,
  reasonOf,
  relativeError,
  statisticsReference,
} from "../../fixtures/reference/statistics-reference.ts";
import {
  meansDetectableEffect,
  meansPower,
  meansSampleSize,
  proportionsDetectableEffect,
  proportionsPower,
  proportionsSampleSize,
} from "../../support/power.ts";

const { power: powerCases, sizes, effects } = statisticsReference.means_power;
const proportionCases = statisticsReference.proportions_power;

function powerErrors(power: typeof meansPower): number[] {
  return powerCases.map((one) => {
    const plan = {
      standardDeviation: 3,
      effect: -3 * one.effect_size,
      controlN: one.control_n,
      treatmentN: one.treatment_n,
    };
    return Math.abs(accepted(power(plan, one)).power - one.power);
  });
}

describe("power for means against statsmodels' TTestIndPower", () => {
  it("is within 1e-12, absolute", () => {
    expect(Math.max(...powerErrors(meansPower))).toBeLessThan(1e-12);
  });

  it("one observation more does not pass (negative control)", () => {
    const perturbed: typeof meansPower = (plan, options) =>
      meansPower({ ...plan, treatmentN: plan.treatmentN + 1 }, options);
    for (const error of powerErrors(perturbed)) expect(error).toBeGreaterThan(1e-12);
  });

  it("sample sizes are theirs, rounded up", () => {
    for (const { effect_size: effect, alpha, target, control_n: exact } of sizes) {
      const plan = { standardDeviation: 1, effect };
      const found = accepted(meansSampleSize(plan, { alpha, power: target }));
      expect(found.controlN).toBe(Math.ceil(exact));
      expect(found.treatmentN).toBe(found.controlN);
      expect(found.power).toBeGreaterThanOrEqual(target);
    }
  });

  it("detectable effects are theirs within 1e-13", () => {
    for (const one of effects) {
      const plan = { standardDeviation: 1, controlN: one.control_n, treatmentN: one.treatment_n };
      const found = accepted(meansDetectableEffect(plan, { alpha: one.alpha, power: one.target }));
      expect(relativeError(found.effect, one.effect_size)).toBeLessThan(1e-13);
    }
  });
});

describe("power for proportions against statsmodels", () => {
  const errors = (power: typeof proportionsPower): number[] =>
    proportionCases.map((one) => {
      const plan = {
        controlRate: one.control_rate,
        treatmentRate: one.treatment_rate,
        controlN: one.control_n,
        treatmentN: one.treatment_n,
      };
      return relativeError(accepted(power(plan, one)).power, one.power);
    });

  it("is within 1e-13", () => {
    expect(Math.max(...errors(proportionsPower))).toBeLessThan(1e-13);
  });

  it("one observation more does not pass (negative control)", () => {
    const perturbed: typeof proportionsPower = (plan, options) =>
      proportionsPower({ ...plan, controlN: plan.controlN + 1 }, options);
    for (const error of errors(perturbed)) expect(error).toBeGreaterThan(1e-13);
  });
});

describe("sample size and detectable effect", () => {
  it("one control observation less has too little power, for unequal arms too", () => {
    for (const allocationRatio of [0.1, 0.5, 1, 3, 9]) {
      for (const looks of ["once", "any_time"] as const) {
        const plan = { controlRate: 0.3, treatmentRate: 0.35 };
        const found = accepted(proportionsSampleSize(plan, { allocationRatio, looks }));
        expect(found.treatmentN).toBe(Math.ceil(found.controlN * allocationRatio - 1e-9));
        expect(found.power).toBeGreaterThanOrEqual(0.8);
        const fewer = {
          controlN: found.controlN - 1,
          treatmentN: Math.ceil((found.controlN - 1) * allocationRatio - 1e-9),
        };
        expect(accepted(proportionsPower({ ...plan, ...fewer }, { looks })).power).toBeLessThan(
          0.8,
        );
      }
    }
  });

  it("the detectable effect has the wanted power, and a little less of it has less", () => {
    for (const looks of ["once", "any_time"] as const) {
      for (const direction of ["rise", "fall"] as const) {
        const plan = { controlRate: 0.2, controlN: 900, treatmentN: 700, direction };
        const { effect } = accepted(proportionsDetectableEffect(plan, { looks }));
        expect(Math.sign(effect)).toBe(direction === "rise" ? 1 : -1);
        const powerOf = (share: number): number =>
          accepted(proportionsPower({ ...plan, treatmentRate: 0.2 + share * effect }, { looks }))
            .power;
        expect(powerOf(1)).toBeCloseTo(0.8, 9);
        expect(powerOf(0.999)).toBeLessThan(0.8);
      }
    }
  });

  it("looking at any time costs more than looking once, and not more than three times as much", () => {
    for (const effect of [0.02, 0.05, 0.1, 0.3]) {
      const plan = { standardDeviation: 0.4, effect };
      const once = accepted(meansSampleSize(plan)).controlN;
      const anyTime = accepted(meansSampleSize(plan, { looks: "any_time" })).controlN;
      expect(anyTime).toBeGreaterThan(once);
      if (once > 50) expect(anyTime).toBeLessThan(3 * once);
    }
  });

  it("plans arms in which the method speaks", () => {
    const plan = { controlRate: 0.001, treatmentRate: 0.4 };
    const once = accepted(proportionsSampleSize(plan));
    expect((once.controlN * 0.401) / 2).toBeGreaterThanOrEqual(5);
    const anyTime = accepted(proportionsSampleSize(plan, { looks: "any_time" }));
    expect(anyTime.controlN).toBe(30_000);
  });

  it("the boundary of a sequence is lowest at the size it was made for", () => {
    const boundary = (n: number): number =>
      sequenceBoundary({ controlN: n, treatmentN: n }, { alpha: 0.05, tightestAtN: 700 });
    expect(boundary(700)).toBeLessThan(boundary(690));
    expect(boundary(700)).toBeLessThan(boundary(710));
    // √(−W₋₁(−alpha²/e)), by SciPy's lambertw.
    expect(boundary(700)).toBeCloseTo(3.035122413028551, 12);
  });
});

describe("power of bad input", () => {
  const means = { standardDeviation: 1, effect: 0.1, controlN: 100, treatmentN: 100 };
  const rates = { controlRate: 0.3, treatmentRate: 0.4, controlN: 100, treatmentN: 100 };

  it("refuses impossible means", () => {
    expect(reasonOf(meansPower({ ...means, standardDeviation: 0 }))).toBe("zero_variance");
    expect(reasonOf(meansPower({ ...means, standardDeviation: -1 }))).toBe("out_of_range");
    expect(reasonOf(meansPower({ ...means, standardDeviation: Number.NaN }))).toBe("not_finite");
    expect(reasonOf(meansPower({ ...means, effect: 0 }))).toBe("out_of_range");
    expect(reasonOf(meansPower({ ...means, effect: Number.NaN }))).toBe("not_finite");
    expect(reasonOf(meansPower({ ...means, controlN: 0 }))).toBe("empty");
    expect(reasonOf(meansPower({ ...means, treatmentN: 1 }))).toBe("too_few");
    expect(reasonOf(meansPower({ ...means, treatmentN: 1.5 }))).toBe("out_of_range");
    expect(reasonOf(meansPower({ ...means, treatmentN: 1e13 }))).toBe("out_of_range");
    expect(reasonOf(meansPower({ ...means, controlN: Number.NaN }))).toBe("not_finite");
  });

  it("refuses impossible rates", () => {
    for (const rate of [0, 1, -0.1, 1.1]) {
      expect(reasonOf(proportionsPower({ ...rates, controlRate: rate }))).toBe("out_of_range");
      expect(reasonOf(proportionsPower({ ...rates, treatmentRate: rate }))).toBe("out_of_range");
    }
    expect(reasonOf(proportionsPower({ ...rates, treatmentRate: 0.3 }))).toBe("out_of_range");
    expect(reasonOf(proportionsPower({ ...rates, treatmentRate: Number.NaN }))).toBe("not_finite");
    expect(reasonOf(proportionsDetectableEffect({ ...rates, controlRate: 1 }))).toBe(
      "out_of_range",
    );
  });

  it("refuses impossible wishes", () => {
    expect(reasonOf(meansPower(means, { alpha: 0 }))).toBe("out_of_range");
    expect(reasonOf(meansSampleSize(means, { power: 1 }))).toBe("out_of_range");
    expect(reasonOf(meansSampleSize(means, { power: 0.05 }))).toBe("out_of_range");
    expect(reasonOf(meansSampleSize(means, { allocationRatio: 0 }))).toBe("out_of_range");
    expect(reasonOf(meansSampleSize(means, { tightestAtN: 0 }))).toBe("out_of_range");
    expect(reasonOf(meansSampleSize({ standardDeviation: 1, effect: 1e-9 }))).toBe("out_of_range");
  });

  it("refuses arms in which nothing could be found", () => {
    const tiny = { controlRate: 0.9, controlN: 10, treatmentN: 10 };
    expect(reasonOf(proportionsDetectableEffect(tiny))).toBe("too_few");
  });
});
