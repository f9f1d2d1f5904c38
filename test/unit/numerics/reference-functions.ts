import { chiSquareSf } from "../../../src/numerics/chi-square.ts";
import { gammaCdf, gammaSf } from "../../../src/numerics/incomplete-gamma.ts";
import { logBeta, logGamma } from "../../../src/numerics/log-gamma.ts";
import {
  normalPdf,
  normalQuantile,
  normalSf,
  normalUpperQuantile,
} from "../../../src/numerics/normal.ts";
import {
  studentTQuantile,
  studentTSf,
  studentTUpperQuantile,
} from "../../../src/numerics/student-t.ts";
import {
  type NumericsCase,
  readNumericsCases,
} from "../../fixtures/reference/read-numerics-reference.ts";
import {
  betaCdf,
  betaQuantile,
  betaSf,
  betaUpperQuantile,
  normalCdf,
  studentTCdf,
} from "../../support/lower-tails.ts";

/** A function of a fixture with its arguments in the fixture's order. */
export type Implementation = (...args: readonly number[]) => number;

interface ReferenceFunction {
  readonly name: string;
  readonly file: string;
  readonly implementation: Implementation;
  /** The same with one argument off by a relative 1e-9, or, where the result hardly depends on it, 1e-7. */
  readonly perturbed: Implementation;
}

const off = 1 + 1e-9;

function functionsOf(
  file: string,
  functions: Readonly<Record<string, Implementation>>,
  perturb: (args: readonly number[]) => readonly number[],
): readonly ReferenceFunction[] {
  return Object.entries(functions).map(([name, implementation]) => ({
    name,
    file,
    implementation,
    perturbed: (...args) => implementation(...perturb(args)),
  }));
}

type One = (x: number) => number;
type Two = (x: number, shape: number) => number;
type OfBeta = (x: number, shape: { alpha: number; beta: number }) => number;

const one =
  (f: One): Implementation =>
  (...[x]) =>
    f(x as number);
const two =
  (f: Two): Implementation =>
  (...[x, shape]) =>
    f(x as number, shape as number);
const ofBeta =
  (f: OfBeta): Implementation =>
  (...[x, alpha, beta]) =>
    f(x as number, { alpha: alpha as number, beta: beta as number });

const firstOff = ([x, ...rest]: readonly number[]) => [(x as number) * off, ...rest];
const shapeOff = ([x, shape, ...rest]: readonly number[]) => [
  x as number,
  (shape as number) * off,
  ...rest,
];
/** Downwards, so that a probability stays one. */
const probabilityOff = ([p, ...rest]: readonly number[]) => [(p as number) * (1 - 1e-7), ...rest];

/** Every function with a fixture by `make_numerics_reference.py`. */
export const referenceFunctions: readonly ReferenceFunction[] = [
  ...functionsOf("log-gamma.json", { logGamma: one(logGamma), logBeta: two(logBeta) }, firstOff),
  ...functionsOf(
    "normal.json",
    { normalPdf: one(normalPdf), normalCdf: one(normalCdf), normalSf: one(normalSf) },
    firstOff,
  ),
  ...functionsOf(
    "normal.json",
    { normalQuantile: one(normalQuantile), normalUpperQuantile: one(normalUpperQuantile) },
    probabilityOff,
  ),
  ...functionsOf(
    "gamma.json",
    {
      gammaCdf: two(gammaCdf),
      gammaSf: two(gammaSf),
    },
    shapeOff,
  ),
  ...functionsOf("chi-square.json", { chiSquareSf: two(chiSquareSf) }, shapeOff),
  ...functionsOf(
    "beta.json",
    {
      betaCdf: ofBeta(betaCdf),
      betaSf: ofBeta(betaSf),
      betaQuantile: ofBeta(betaQuantile),
      betaUpperQuantile: ofBeta(betaUpperQuantile),
    },
    shapeOff,
  ),
  ...functionsOf(
    "student-t.json",
    {
      studentTCdf: two(studentTCdf),
      studentTSf: two(studentTSf),
    },
    firstOff,
  ),
  ...functionsOf(
    "student-t.json",
    {
      studentTQuantile: two(studentTQuantile),
      studentTUpperQuantile: two(studentTUpperQuantile),
    },
    probabilityOff,
  ),
];

/** Below this a probability or a density is in the tail, and a quantile whose probability is. */
const tailBelow = 1e-10;

function isTail(name: string, { args, value }: NumericsCase): boolean {
  if (name.startsWith("log")) return false;
  return Math.abs(name.endsWith("Quantile") ? (args[0] as number) : value) < tailBelow;
}

/** |actual/expected − 1|; for an expected 0 or ±Infinity, 0 if met and Infinity if not. NaN → Infinity. */
function relativeError(actual: number, expected: number): number {
  if (actual === expected) return 0;
  if (expected === 0 || !Number.isFinite(expected) || Number.isNaN(actual)) {
    return Number.POSITIVE_INFINITY;
  }
  return Math.abs((actual - expected) / expected);
}

export interface WorstErrors {
  readonly cases: number;
  readonly bulk: number;
  readonly tail: number;
}

/** Largest relative errors of an implementation, by regime of the fixture. */
export function worstErrors(
  { name, file }: { readonly name: string; readonly file: string },
  implementation: Implementation,
): ReadonlyMap<string, WorstErrors> {
  const worst = new Map<string, WorstErrors>();
  for (const reference of readNumericsCases(file, name)) {
    const { cases, bulk, tail } = worst.get(reference.regime) ?? { cases: 0, bulk: 0, tail: 0 };
    const error = relativeError(implementation(...reference.args), reference.value);
    worst.set(
      reference.regime,
      isTail(name, reference)
        ? { cases: cases + 1, bulk, tail: Math.max(tail, error) }
        : { cases: cases + 1, bulk: Math.max(bulk, error), tail },
    );
  }
  return worst;
}
