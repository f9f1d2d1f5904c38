import type { ArmDistribution } from "./arm-distribution.ts";
import { LogitBetaGrid } from "./logit-beta-grid.ts";
import { normalQuantile } from "./normal.ts";
import { studentTQuantile } from "./student-t.ts";

/** Location + scale · T, T Student t with `degreesOfFreedom`; Infinity: the normal distribution. */
export interface StudentTParameters {
  /** From −1e100 to 1e100. */
  readonly location: number;
  /** Above 0, at most 1e100. Less than 1e-12 of the location counts as that: float64 could not tell. */
  readonly scale: number;
  /** At least 1. */
  readonly degreesOfFreedom: number;
}

/** More degrees of freedom are not told from infinitely many: the largest difference is below 1e-10. */
const normalFrom = 1e10;
const relativeScaleMin = 1e-12;
const scaleMin = 1e-200;

/** Logit of Beta(1e12, 1e12), which is normal to 1e-12: the one table of all normal distributions. */
const normalGrid = new LogitBetaGrid(1e12, 1e12);

/**
 * A Student t or normal distribution, tabulated.
 *
 * If T has ν degrees of freedom, 2·asinh(T/√ν) is the logit of a Beta(ν/2, ν/2) variable: its density goes
 * as cosh(w)^−ν in w = asinh(t/√ν). So {@link LogitBetaGrid} serves here too, with tails of 1e-9 that
 * reach 3e8 scales for ν = 1, and with the same error: below 5e-8 in the distribution function.
 */
export class StudentTDistribution implements ArmDistribution {
  readonly location: number;
  readonly scale: number;
  readonly degreesOfFreedom: number;
  readonly low: number;
  readonly high: number;
  readonly #grid: LogitBetaGrid;
  /** √ν; for the normal distribution 0, and {@link #perScale} is its share of the grid's coordinate. */
  readonly #root: number;
  readonly #perScale: number;

  constructor({ location, scale, degreesOfFreedom }: StudentTParameters) {
    const isNormal = degreesOfFreedom >= normalFrom;
    this.location = location;
    this.scale = Math.max(scale, Math.abs(location) * relativeScaleMin, scaleMin);
    this.degreesOfFreedom = degreesOfFreedom;
    this.#grid = isNormal
      ? normalGrid
      : new LogitBetaGrid(degreesOfFreedom / 2, degreesOfFreedom / 2);
    this.#root = isNormal ? 0 : Math.sqrt(degreesOfFreedom);
    this.#perScale = this.#grid.scale / this.scale;
    this.low = this.#fromGrid(this.#grid.low);
    this.high = this.#fromGrid(this.#grid.high);
  }

  /**
   * √(1 + t²/ν) scales at t standardised: in the tails the density changes over a distance in proportion to
   * that from the location. On the way towards it a panel must end before it gets there, hence the divisor.
   */
  scaleAt(point: number): number {
    if (this.#root === 0) return this.scale;
    const t = (point - this.location) / this.scale / this.#root;
    const length = this.scale * Math.sqrt(1 + t * t);
    return t < 0 ? length / (1 + 1 / this.#root) : length;
  }

  evaluate(
    points: Float64Array,
    count: number,
    cdf: Float64Array,
    density: Float64Array,
    offset: number,
  ): void {
    if (mapped.length < count) mapped = new Float64Array(count * 2);
    const { location } = this;
    const root = this.#root;
    if (root === 0) {
      const perScale = this.#perScale;
      for (let at = 0; at < count; at += 1) {
        mapped[at] = ((points[at] as number) - location) * perScale;
      }
      this.#grid.evaluate(mapped, count, cdf, density, offset);
      for (let at = offset; at < offset + count; at += 1) {
        density[at] = (density[at] as number) * perScale;
      }
      return;
    }
    const perRoot = 1 / (this.scale * root);
    // From the lower tail, where the table's differences keep their digits: expected losses of arms with
    // heavy tails depend on densities of 1e-9.
    for (let at = 0; at < count; at += 1) {
      mapped[at] = -2 * Math.asinh(Math.abs((points[at] as number) - location) * perRoot);
    }
    this.#grid.evaluate(mapped, count, cdf, density, offset);
    for (let at = 0; at < count; at += 1) {
      const t = ((points[at] as number) - location) * perRoot;
      const place = offset + at;
      if (t > 0) cdf[place] = 1 - (cdf[place] as number);
      density[place] = ((density[place] as number) * 2 * perRoot) / Math.sqrt(1 + t * t);
    }
  }

  /** The value below which the mass is `probability`, in (0,1). */
  quantile(probability: number): number {
    const t =
      this.#root === 0
        ? normalQuantile(probability)
        : studentTQuantile(probability, this.degreesOfFreedom);
    return this.location + this.scale * t;
  }

  /** ∫ (x − reference) f(x) dx above {@link high}; Infinity for one degree of freedom. */
  upperTailMoment(reference: number): number {
    const nu = this.degreesOfFreedom;
    if (this.#root === 0) return 0;
    if (nu <= 1) return Number.POSITIVE_INFINITY;
    // ∫_h^∞ t f = f(h)·(ν + h²)/(ν − 1), and the mass above h is close to f(h)·h/ν.
    const h = (this.high - this.location) / this.scale;
    const density = this.#grid.densityAtHigh * (2 / Math.sqrt(nu + h * h));
    const mass = (density * h) / nu;
    return (this.scale * density * (nu + h * h)) / (nu - 1) + (this.location - reference) * mass;
  }

  #fromGrid(z: number): number {
    return this.#root === 0
      ? this.location + z / this.#perScale
      : this.location + this.scale * this.#root * Math.sinh(z / 2);
  }
}

/** Scratch space for the points on the grid's own line. */
let mapped = new Float64Array(1024);
