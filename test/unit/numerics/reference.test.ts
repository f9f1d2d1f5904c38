import { describe, expect, it } from "vitest";
import { referenceFunctions, worstErrors } from "./reference-functions.ts";

/** Promised are 1e-10 in the bulk and 1e-6 in the tails; measured, 1.2e-12 and 3e-13. */
const bound = 1e-11;

for (const reference of referenceFunctions) {
  describe(`${reference.name} against mpmath`, () => {
    const errors = worstErrors(reference, reference.implementation);
    const perturbed = worstErrors(reference, reference.perturbed);

    it("is asked in at least 200 places, edges included", () => {
      const cases = [...errors.values()].reduce((sum, regime) => sum + regime.cases, 0);
      expect(cases).toBeGreaterThanOrEqual(200);
      expect(errors.has("edges")).toBe(true);
    });

    it.each([...errors])("%s: within a relative 1e-11, also in the tails", (_, { bulk, tail }) => {
      expect(bulk).toBeLessThan(bound);
      expect(tail).toBeLessThan(bound);
    });

    it.each([...perturbed])(
      "%s: an argument that is slightly off does not pass (negative control)",
      (_, { bulk, tail }) => {
        expect(Math.max(bulk, tail)).toBeGreaterThan(bound);
      },
    );
  });
}
