import type { ArmDistribution } from "./arm-distribution.ts";

/** Log density, relative to the mode, below which a tail is cut off: leaves out at most 1e-9 of the mass per side. */
const cutOff = 20;
/** Cells on the length over which the density bends around its mode; the interpolation error falls with its sixth power. */
const cellsPerBend = 5;

/**
 * The distribution function and density of logit(X), X ~ Beta(alpha, beta), tabulated once.
 *
 * Why the logit: there the density x^α(1−x)^β / B(α,β) is log-concave and analytic for every α, β > 0;
 * on [0,1] itself it is singular for shapes below 1 and a needle for large ones. Its scale is
 * √(1/α + 1/β), so the number of cells hardly depends on the shapes: about 65 for large shapes, 150 for 1 and 1, up to
 * 330 where one is 0.5 and the other large (a long exponential tail on one side, a steep one on the other). Three
 * float64 per cell: 1.6 to 8 KB.
 *
 * Between the nodes the distribution function is the quintic that matches value, density and slope at
 * both ends; its absolute error is below 5e-8 (test/unit/numerics). `low` and `high` bound the support
 * up to a mass of 1e-9 each.
 */
export class LogitBetaGrid implements ArmDistribution {
  readonly alpha: number;
  readonly beta: number;
  readonly low: number;
  readonly high: number;
  /** Scale of the density around its mode, √(1/α + 1/β). */
  readonly scale: number;
  readonly #cells: number;
  readonly #step: number;
  /** Per node: distribution function, density × step, slope × step². */
  readonly #table: Float64Array;

  /** `alpha` and `beta` from 0.1 to 1e12. */
  constructor(alpha: number, beta: number) {
    const shape = { alpha, beta, mean: alpha / (alpha + beta), comean: beta / (alpha + beta) };
    const mode = Math.log(alpha / beta);
    const low = -distanceToCutOff(beta, alpha);
    const high = distanceToCutOff(alpha, beta);
    this.alpha = alpha;
    this.beta = beta;
    this.low = mode + low;
    this.high = mode + high;
    this.scale = Math.sqrt(1 / alpha + 1 / beta);
    this.#cells = Math.ceil(((high - low) / this.scaleAt(mode)) * cellsPerBend);
    this.#step = (high - low) / this.#cells;
    this.#table = tabulate(shape, low, this.#step, this.#cells);
  }

  /**
   * {@link scale} where that is the mode's; less where the log density bends more before the next scale ends, as it does to
   * the right of a mode near 0: its second derivative is −(α + β)·x(1 − x), x the point's place in (0,1).
   */
  scaleAt(point: number): number {
    const steepest = Math.min(Math.max(0, point), point + this.scale);
    const x = 1 / (1 + Math.exp(-steepest));
    return Math.min(this.scale, 1 / Math.sqrt((this.alpha + this.beta) * x * (1 - x)));
  }

  /** Density at `high`. */
  get densityAtHigh(): number {
    return (this.#table[this.#cells * 3 + 1] as number) / this.#step;
  }

  evaluate(
    z: Float64Array,
    count: number,
    cdf: Float64Array,
    density: Float64Array,
    offset: number,
  ): void {
    const table = this.#table;
    const perStep = 1 / this.#step;
    const low = this.low;
    let cell = -1;
    let c0 = 0;
    let c1 = 0;
    let c2 = 0;
    let c3 = 0;
    let c4 = 0;
    let c5 = 0;
    for (let index = 0; index < count; index += 1) {
      const at = ((z[index] as number) - low) * perStep;
      if (at <= 0 || at >= this.#cells) {
        cdf[offset + index] = at <= 0 ? 0 : 1;
        density[offset + index] = 0;
        continue;
      }
      const nextCell = Math.floor(at);
      if (nextCell !== cell) {
        cell = nextCell;
        const base = cell * 3;
        c0 = table[base] as number;
        c1 = table[base + 1] as number;
        c2 = (table[base + 2] as number) / 2;
        const rise = (table[base + 3] as number) - c0 - c1 - c2;
        const slope = (table[base + 4] as number) - c1 - 2 * c2;
        const bend = (table[base + 5] as number) - 2 * c2;
        c3 = 10 * rise - 4 * slope + bend / 2;
        c4 = -15 * rise + 7 * slope - bend;
        c5 = 6 * rise - 3 * slope + bend / 2;
      }
      const t = at - cell;
      cdf[offset + index] = Math.min(
        Math.max(c0 + t * (c1 + t * (c2 + t * (c3 + t * (c4 + t * c5)))), 0),
        1,
      );
      density[offset + index] =
        Math.max(c1 + t * (2 * c2 + t * (3 * c3 + t * (4 * c4 + t * 5 * c5))), 0) * perStep;
    }
  }
}

interface Shape {
  readonly alpha: number;
  readonly beta: number;
  readonly mean: number;
  readonly comean: number;
}

/** Log density at some distance from the mode, relative to the mode, with its derivatives. */
interface LogDensity {
  readonly value: number;
  readonly slope: number;
  readonly bend: number;
}

/**
 * ℓ(δ) = αδ − (α+β)·log(1 + m(e^δ − 1)), m = α/(α+β), at δ from the mode. Written from the side whose m is at
 * most ½ (ℓ is the same with the shapes exchanged and −δ), so that the logarithm's argument never loses digits.
 */
function logDensityAt(shape: Shape, delta: number): LogDensity {
  const { alpha, beta, mean, comean } = shape;
  const nearer = Math.min(mean, comean);
  const sign = mean <= 0.5 ? 1 : -1;
  const growth = Math.expm1(sign * delta);
  const divisor = 1 + nearer * growth;
  const pull = (alpha + beta) * mean * comean;
  return {
    value: (mean <= 0.5 ? alpha : -beta) * delta - (alpha + beta) * Math.log1p(nearer * growth),
    slope: (-sign * pull * growth) / divisor,
    bend: ((-pull / divisor) * (1 + growth)) / divisor,
  };
}

/**
 * How far right of the mode the log density has fallen by {@link cutOff}. Newton's method on a concave
 * function, started outside, where it converges monotonically. Mirror the shapes for the left side.
 */
function distanceToCutOff(alpha: number, beta: number): number {
  const shape = { alpha, beta, mean: alpha / (alpha + beta), comean: beta / (alpha + beta) };
  // The density is at most its exponential tail e^{−βδ}·(α/(α+β))^{−(α+β)}.
  let delta = (cutOff - (alpha + beta) * Math.log(shape.mean)) / beta;
  for (let iteration = 0; iteration < 60; iteration += 1) {
    const { value, slope } = logDensityAt(shape, delta);
    const step = (value + cutOff) / slope;
    delta -= step;
    if (Math.abs(step) < 1e-3 * delta) break;
  }
  return delta;
}

/**
 * Integrates the density cell by cell, by the rule that is exact for the quintic with the same value, slope and
 * bend at both ends: (f₀ + f₁)/2 + (f₀′ − f₁′)/10 + (f₀″ + f₁″)/120 for a cell of width 1. One evaluation a cell;
 * refused: three Gauss–Legendre nodes between the ends, four evaluations. Dividing by the total spares the
 * normalising constant.
 */
function tabulate(shape: Shape, low: number, step: number, cells: number): Float64Array {
  const table = new Float64Array(3 * (cells + 1));
  let mass = 0;
  /** What the node before adds to the cell on its right. */
  let fromLeft = 0;
  for (let node = 0; node <= cells; node += 1) {
    const log = logDensityAt(shape, low + node * step);
    const perCell = log.slope * step;
    const density = Math.exp(log.value) * step;
    const slope = density * perCell;
    const even = density / 2 + (density * (perCell * perCell + log.bend * step * step)) / 120;
    if (node > 0) mass += fromLeft + even - slope / 10;
    fromLeft = even + slope / 10;
    table[node * 3] = mass;
    table[node * 3 + 1] = density;
    table[node * 3 + 2] = slope;
  }
  const perMass = 1 / mass;
  for (let index = 0; index < table.length; index += 1) {
    table[index] = (table[index] as number) * perMass;
  }
  return table;
}
