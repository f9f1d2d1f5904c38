import { describe, expect, it } from "vitest";
import { jstatFunctions } from "./jstat-functions.ts";
import { type Implementation, referenceFunctions, worstErrors } from "./reference-functions.ts";

/** What src/numerics promises: relative errors in the bulk and in the tails. */
const bounds = { bulk: 1e-10, tail: 1e-6 };
/** Where src/numerics/normal.ts calls jstat: docs/adr/0003-special-functions.md. */
const used = ["normalPdf"];

function meetsBounds(
  reference: (typeof referenceFunctions)[number],
  implementation: Implementation,
): boolean {
  return [...worstErrors(reference, implementation).values()].every(
    ({ bulk, tail }) => bulk < bounds.bulk && tail < bounds.tail,
  );
}

function perturbed(implementation: Implementation): Implementation {
  return (first, ...rest) => implementation((first as number) * (1 + 1e-7), ...rest);
}

describe("the boundary between jstat and our own functions", () => {
  for (const reference of referenceFunctions) {
    const implementation = jstatFunctions[reference.name] as Implementation;
    if (used.includes(reference.name)) {
      it(`jstat meets the fixtures for ${reference.name}, where it is used`, () => {
        expect(meetsBounds(reference, implementation)).toBe(true);
      });

      it(`${reference.name} off by 1e-7 in its argument does not (negative control)`, () => {
        expect(meetsBounds(reference, perturbed(implementation))).toBe(false);
      });
    } else {
      it(`jstat misses the fixtures for ${reference.name}, where our own is used`, () => {
        expect(meetsBounds(reference, implementation)).toBe(false);
        expect(meetsBounds(reference, reference.implementation)).toBe(true);
      });
    }
  }
});
