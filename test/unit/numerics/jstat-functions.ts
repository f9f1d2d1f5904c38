import jstat from "jstat";
import type { Implementation } from "./reference-functions.ts";

type Continuous = Readonly<
  Record<"pdf" | "cdf" | "inv", (value: number, ...parameters: readonly number[]) => number>
>;

/** More of jstat than src/numerics/jstat.d.ts lets the service use. */
const everything = jstat as unknown as Readonly<
  Record<"normal" | "gamma" | "chisquare" | "beta" | "studentt", Continuous>
> &
  Readonly<Record<"gammaln" | "betaln", Implementation>>;

/** What jstat has to offer for each function of the fixtures; 1 − cdf where it has no upper tail. */
export const jstatFunctions: Readonly<Record<string, Implementation>> = {
  logGamma: (x) => everything.gammaln(x as number),
  logBeta: (a, b) => everything.betaln(a as number, b as number),
  normalPdf: (x) => everything.normal.pdf(x as number, 0, 1),
  ...tailsOf("normal", everything.normal, () => [0, 1]),
  ...tailsOf("gamma", everything.gamma, (shape) => [...shape, 1]),
  ...tailsOf("chiSquare", everything.chisquare, (df) => df),
  ...tailsOf("beta", everything.beta, (shape) => shape),
  ...tailsOf("studentT", everything.studentt, (df) => df),
};

function tailsOf(
  name: string,
  family: Continuous,
  parametersOf: (shape: readonly number[]) => readonly number[],
): Record<string, Implementation> {
  const call =
    (f: (value: number, ...parameters: readonly number[]) => number): Implementation =>
    (value, ...shape) =>
      f(value as number, ...parametersOf(shape));
  return {
    [`${name}Cdf`]: call((x, ...shape) => family.cdf(x, ...shape)),
    [`${name}Sf`]: call((x, ...shape) => 1 - family.cdf(x, ...shape)),
    [`${name}Quantile`]: call((p, ...shape) => family.inv(p, ...shape)),
    [`${name}UpperQuantile`]: call((q, ...shape) => family.inv(1 - q, ...shape)),
  };
}
