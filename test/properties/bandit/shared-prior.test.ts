import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SharedPrior } from "../../../src/bandit/shared-prior.ts";
import type { CodeType, VariantId } from "../../../src/domain/ids.ts";
import { armNames, type Cells, codeTypeNames } from "../../support/code-type-simulation.ts";
import { forAll } from "../../support/for-all.ts";

const armCountMax = 6;
const arms = armNames(armCountMax);

const upTo = (max: number) => fc.double({ min: 0, max, noNaN: true });

/** Also what no posterior holds: numbers that are none, rewards outside of 0 ≤ R ≤ W. */
const cell = fc
  .record({
    weight: fc.oneof(
      fc.constantFrom(0, 0.5, 1, 1e-300, -1, Number.NaN, Number.POSITIVE_INFINITY),
      fc.integer({ min: 1, max: 50 }),
      upTo(10),
      upTo(1e7),
      upTo(1e300),
    ),
    part: fc.oneof(
      fc.constantFrom(0, 1, -1, 2, Number.NaN, Number.POSITIVE_INFINITY),
      upTo(1),
      upTo(1),
      upTo(1e-9),
    ),
  })
  .map(({ weight, part }) => ({ weight, reward: weight * part }));

/** Rows of different length: arms that were tried in some code types only. */
const rows = fc.array(
  fc.array(fc.option(cell, { nil: undefined, freq: 4 }), { maxLength: armCountMax }),
  { maxLength: 15 },
);

const priorShape = fc.double({ min: 0.5, max: 50, noNaN: true });
const prior = fc.record({ alpha: priorShape, beta: priorShape });
const strengthMax = fc.oneof(fc.constantFrom(0, 300), upTo(1000));

type Rows = readonly (readonly ({ weight: number; reward: number } | undefined)[])[];

function toCells(table: Rows, names: readonly CodeType[]): Cells {
  return new Map(
    table.map((row, at) => [
      names[at] as CodeType,
      new Map(
        row.flatMap((own, arm) => (own === undefined ? [] : [[arms[arm] as VariantId, own]])),
      ),
    ]),
  );
}

/** The same entries in another order. */
function turned(cells: Cells, by: number): Cells {
  const entries = [...cells].map(([name, own]) => [name, new Map([...own].reverse())] as const);
  return new Map([
    ...entries.slice(by % (entries.length || 1)),
    ...entries.slice(0, by % (entries.length || 1)),
  ]);
}

describe("SharedPrior", () => {
  it("adds to the policy's prior, at most what is allowed, and finite, for any totals", () =>
    forAll([rows, prior, strengthMax], { numRuns: 500 }, (table, own, most) => {
      const names = codeTypeNames(table.length + 1);
      const shared = SharedPrior.estimate({
        codeTypes: toCells(table, names),
        variantIds: arms,
        prior: own,
        strengthMax: most,
      });
      for (const codeType of names) {
        for (const id of arms) {
          const { alpha, beta } = shared.priorOf(codeType, id);
          expect(alpha).toBeGreaterThanOrEqual(own.alpha);
          expect(beta).toBeGreaterThanOrEqual(own.beta);
          expect(alpha + beta).toBeLessThanOrEqual((own.alpha + own.beta + most) * (1 + 1e-12));
        }
      }
    }));

  it("depends on the totals alone, to the last bit: not on the order of code types, arms or ids", () =>
    forAll([rows, prior, strengthMax, fc.nat()], (table, own, most, by) => {
      const names = codeTypeNames(table.length + 1);
      const cells = toCells(table, names);
      const options = { prior: own, strengthMax: most };
      const straight = SharedPrior.estimate({ ...options, codeTypes: cells, variantIds: arms });
      const other = SharedPrior.estimate({
        ...options,
        codeTypes: turned(cells, by),
        variantIds: [...arms].reverse(),
      });
      for (const codeType of names) {
        for (const id of arms) {
          expect(other.priorOf(codeType, id)).toEqual(straight.priorOf(codeType, id));
        }
      }
    }));

  it("a single code type learns nothing from itself", () =>
    forAll([rows, prior, strengthMax], (table, own, most) => {
      const names = codeTypeNames(2);
      const shared = SharedPrior.estimate({
        codeTypes: toCells(table.slice(0, 1), names),
        variantIds: arms,
        prior: own,
        strengthMax: most,
      });
      for (const id of arms) expect(shared.priorOf(names[0] as CodeType, id)).toEqual(own);
    }));

  it("nothing shared without permission", () =>
    forAll([rows, prior], (table, own) => {
      const names = codeTypeNames(table.length + 1);
      const codeTypes = toCells(table, names);
      for (const most of [0, -1, Number.NaN]) {
        const shared = SharedPrior.estimate({
          codeTypes,
          variantIds: arms,
          prior: own,
          strengthMax: most,
        });
        expect(shared.priorOf(names[0] as CodeType, arms[0] as VariantId)).toEqual(own);
      }
    }));
});
