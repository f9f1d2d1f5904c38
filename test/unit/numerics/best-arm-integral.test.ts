import { describe, expect, it } from "vitest";
import { BestProbability, BestStudentT } from "../../../src/numerics/best-probability.ts";
import {
  type BestArmCase,
  type BestArmParameters,
  readReference,
} from "../../fixtures/reference/read-reference.ts";

const cases = readReference<BestArmCase[]>("best-arm.json");

interface Answer {
  readonly best: Float64Array;
  readonly losses: Float64Array;
}

function answer(arms: readonly BestArmParameters[]): Answer {
  const beta = new BestProbability(arms.length);
  const student = new BestStudentT(arms.length);
  arms.forEach((arm, index) => {
    if ("alpha" in arm) beta.setArm(index, arm);
    else student.setArm(index, { ...arm, degreesOfFreedom: arm.degrees_of_freedom ?? Infinity });
  });
  const asked = "alpha" in (arms[0] as BestArmParameters) ? beta : student;
  return { best: asked.probabilities(), losses: asked.expectedLosses() };
}

function largestError(actual: ArrayLike<number>, reference: readonly number[]): number {
  return Math.max(...reference.map((value, arm) => Math.abs((actual[arm] as number) - value)));
}

/** Location and scale of an arm; of a Beta arm mean and standard deviation. */
function place(arm: BestArmParameters): { location: number; scale: number } {
  if (!("alpha" in arm)) return arm;
  const strength = arm.alpha + arm.beta;
  const mean = arm.alpha / strength;
  return { location: mean, scale: Math.sqrt((mean * (1 - mean)) / (strength + 1)) };
}

/** What errors of an expected loss are measured by: the largest scale, or the distance between the arms. */
function lossUnit(arms: readonly BestArmParameters[]): number {
  const places = arms.map(place);
  const locations = places.map(({ location }) => location);
  const distance = Math.max(...locations) - Math.min(...locations);
  return Math.max(distance, ...places.map(({ scale }) => scale));
}

/** The widest arm that has a chance, moved up by a part of its scale. */
function perturbed({ arms, best_probability }: BestArmCase, part: number): BestArmParameters[] {
  const scales = arms.map((arm, index) =>
    (best_probability[index] as number) > 0.005 ? place(arm).scale : 0,
  );
  const widest = scales.indexOf(Math.max(...scales));
  return arms.map((arm, index) => {
    if (index !== widest) return arm;
    if ("alpha" in arm) return { alpha: arm.alpha * (1 + part), beta: arm.beta };
    return { ...arm, location: arm.location + part * arm.scale };
  });
}

describe("P(best) and expected loss against SciPy and mpmath", () => {
  for (const reference of cases) {
    it(`${reference.name}: P(best) within 1e-7, and adds up to 1`, () => {
      const { best } = answer(reference.arms);
      // What is promised is 1e-6; a tenth of it keeps the promise with room.
      expect(largestError(best, reference.best_probability)).toBeLessThan(1e-7);
      expect(Math.abs(best.reduce((sum, value) => sum + value, 0) - 1)).toBeLessThan(1e-12);
    });

    it(`${reference.name}: expected loss within 1e-6 of its unit, or infinite where an arm has no mean`, () => {
      const { losses } = answer(reference.arms);
      if (reference.expected_loss === null) expect(new Set(losses)).toEqual(new Set([Infinity]));
      else {
        const error = largestError(losses, reference.expected_loss);
        expect(error).toBeLessThan(1e-6 * lossUnit(reference.arms));
      }
    });
  }

  it("misses the references when one arm is off by 1e-5 of its scale (negative control)", () => {
    const sensitive = cases.filter(({ best_probability }) => {
      const favourite = Math.max(...best_probability);
      return favourite > 0.2 && favourite < 0.95;
    });
    expect(sensitive.length).toBeGreaterThan(15);
    for (const reference of sensitive) {
      const wrong = answer(perturbed(reference, 1e-5)).best;
      expect(largestError(wrong, reference.best_probability), reference.name).toBeGreaterThan(1e-7);
    }
  });

  it("misses the losses when one arm is off by 1e-4 of its scale (negative control)", () => {
    // Where one needle stands among wide arms, moving it changes nothing on the scale of the loss.
    const alike = cases.filter(
      ({ arms, expected_loss }) =>
        expected_loss !== null &&
        Math.min(...arms.map((arm) => place(arm).scale)) > 0.2 * lossUnit(arms),
    );
    expect(alike.length).toBeGreaterThan(8);
    for (const reference of alike) {
      const wrong = answer(perturbed(reference, 1e-4)).losses;
      const error = largestError(wrong, reference.expected_loss as readonly number[]);
      expect(error, reference.name).toBeGreaterThan(1e-6 * lossUnit(reference.arms));
    }
  });
});

describe("BestStudentT", () => {
  it("gives equal arms exactly the same probability, wherever they stand", () => {
    for (const degreesOfFreedom of [1, 2.5, 40, 1e7, Infinity]) {
      const arm = { location: 0.3, scale: 1e-3, degreesOfFreedom };
      const other = { location: 0.3001, scale: 2, degreesOfFreedom: 3 };
      const best = new BestStudentT(5);
      [arm, other, { ...arm }, { ...other }, { ...arm }].forEach((parameters, index) => {
        best.setArm(index, parameters);
      });
      const [a, b, c, d, e] = best.probabilities();
      expect([c, e]).toEqual([a, a]);
      expect(d).toBe(b);
    }
  });

  it("does not depend on which arms were set before", () => {
    const fresh = new BestStudentT(2);
    const used = new BestStudentT(2);
    const first = { location: 0.5, scale: 0.1, degreesOfFreedom: 7 };
    const second = { location: 0.6, scale: 0.2, degreesOfFreedom: 9 };
    used.setArm(0, second);
    used.setArm(1, first);
    used.probabilities();
    for (const best of [fresh, used]) {
      best.setArm(0, first);
      best.setArm(1, second);
    }
    expect(used.probabilities()).toEqual(fresh.probabilities());
  });

  it("tells a single arm that it is the best and loses nothing", () => {
    const best = new BestStudentT(1);
    best.setArm(0, { location: -3, scale: 2, degreesOfFreedom: 5 });
    expect([...best.probabilities()]).toEqual([1]);
    expect([...best.expectedLosses()]).toEqual([0]);
  });

  it("ends for scales that float64 cannot tell from nothing, and keeps the order of the arms", () => {
    const best = new BestStudentT(3);
    best.setArm(0, { location: 1e9, scale: 1e-200, degreesOfFreedom: Infinity });
    best.setArm(1, { location: 1e9 + 1, scale: 1e-200, degreesOfFreedom: 1 });
    best.setArm(2, { location: 0, scale: Number.MIN_VALUE, degreesOfFreedom: 3 });
    const [a, b, c] = best.probabilities();
    expect(b).toBeGreaterThan(0.99);
    expect(a).toBeLessThan(0.01);
    expect(c).toBe(0);
  });
});
