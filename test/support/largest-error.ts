import { relativeError } from "../fixtures/reference/statistics-reference.ts";

/** Largest relative error of these numbers; the reference has them under the same names in snake_case. */
export function largestError<Name extends string>(
  found: Readonly<Record<Name, number>>,
  reference: object,
  names: readonly Name[],
): number {
  const errors = names.map((name) => {
    const expected = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return relativeError(found[name], (reference as Record<string, number>)[expected] as number);
  });
  return Math.max(...errors);
}
