import fc from "fast-check";
import { expect } from "vitest";

type Arbitraries<Drawn extends unknown[]> = [...{ [At in keyof Drawn]: fc.Arbitrary<Drawn[At]> }];
/** Throws, rejects or gives false where it does not hold. */
type Property<Drawn extends unknown[]> = (...drawn: Drawn) => unknown;
type Parameters = fc.Parameters<[unknown[]]>;

function checkedProperty<Drawn extends unknown[]>(
  arbitraries: Arbitraries<Drawn>,
  property: Property<Drawn>,
) {
  const drawn: fc.Arbitrary<unknown[]> = fc.tuple(...(arbitraries as fc.Arbitrary<unknown>[]));
  return fc.asyncProperty(
    drawn,
    async (values) => (await property(...(values as Drawn))) !== false,
  );
}

/** Rejects, with the smallest counterexample that was found, unless the property holds for all that is drawn. */
export function forAll<Drawn extends unknown[]>(
  arbitraries: Arbitraries<Drawn>,
  property: Property<Drawn>,
): Promise<void>;
export function forAll<Drawn extends unknown[]>(
  arbitraries: Arbitraries<Drawn>,
  parameters: Parameters,
  property: Property<Drawn>,
): Promise<void>;
export function forAll<Drawn extends unknown[]>(
  arbitraries: Arbitraries<Drawn>,
  ...rest: [Property<Drawn>] | [Parameters, Property<Drawn>]
): Promise<void> {
  const [parameters, property] = rest.length === 2 ? rest : [{}, ...rest];
  return fc.assert(checkedProperty(arbitraries, property), parameters);
}

/** Rejects unless a counterexample is found within so many runs: the negative control of {@link forAll}. */
export async function expectCounterexample<Drawn extends unknown[]>(
  arbitraries: Arbitraries<Drawn>,
  numRuns: number,
  property: Property<Drawn>,
): Promise<void> {
  const checked = checkedProperty(arbitraries, property);
  expect((await fc.check(checked, { numRuns, endOnFailure: true })).failed).toBe(true);
}
