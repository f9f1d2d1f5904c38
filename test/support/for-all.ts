import fc from "fast-check";

type Arbitraries<Drawn extends unknown[]> = [...{ [At in keyof Drawn]: fc.Arbitrary<Drawn[At]> }];
/** Throws, rejects or gives false where it does not hold. */
type Property<Drawn extends unknown[]> = (...drawn: Drawn) => unknown;
type Parameters = fc.Parameters<[unknown[]]>;

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
  const drawn: fc.Arbitrary<unknown[]> = fc.tuple(...(arbitraries as fc.Arbitrary<unknown>[]));
  const checked = fc.asyncProperty(
    drawn,
    async (values) => (await property(...(values as Drawn))) !== false,
  );
  return fc.assert(checked, parameters);
}
