/**
 * A sum of squares that came about as a difference of numbers of the size `scale`: what rounding can have left of
 * it counts as 0, so that rewards that are all the same have no spread. NaN when something overflowed, which is
 * refused at the end.
 */
export function withoutRounding(squares: number, scale: number): number {
  if (!Number.isFinite(scale)) return Number.NaN;
  return squares <= scale * 1e-12 ? 0 : squares;
}

/**
 * Running moments of the weights w and the weighted rewards z = w·r over all rows, in one pass that loses no
 * digits to cancellation (Welford 1962, for two variables). Rewards are shifted by a constant of the caller's.
 */
export class WeightMoments {
  rows = 0;
  meanWeight = 0;
  meanProduct = 0;
  /** Σ(w − mean w)² */
  weightSquares = 0;
  /** Σ(z − mean z)² */
  productSquares = 0;
  /** Σ(w − mean w)(z − mean z) */
  crossProducts = 0;
  largestWeight = 0;
  /** Σ w⁴ r^j for j = 0 … 4. */
  readonly #fourth = new Float64Array(5);

  add(weight: number, reward: number): void {
    const product = weight * reward;
    this.rows += 1;
    const weightBefore = weight - this.meanWeight;
    const productBefore = product - this.meanProduct;
    this.meanWeight += weightBefore / this.rows;
    this.meanProduct += productBefore / this.rows;
    this.weightSquares += weightBefore * (weight - this.meanWeight);
    this.productSquares += productBefore * (product - this.meanProduct);
    this.crossProducts += weightBefore * (product - this.meanProduct);
    if (weight === 0) return;
    this.largestWeight = Math.max(this.largestWeight, weight);
    let term = weight ** 4;
    for (let power = 0; power <= 4; power += 1) {
      (this.#fourth[power] as number) += term;
      term *= reward;
    }
  }

  /**
   * Σ over rows of (w(r − centre) − its mean)²: exactly the spread that the standard error of Σw(r − centre)
   * is made of. Never below 0.
   */
  spreadAbout(centre: number): number {
    const own = this.productSquares + centre * centre * this.weightSquares;
    return withoutRounding(own - 2 * centre * this.crossProducts, own);
  }

  /** Σ (w(r − centre))⁴, never below 0. */
  fourthPowersAbout(centre: number): number {
    const [zero, one, two, three, four] = this.#fourth as unknown as [
      number,
      number,
      number,
      number,
      number,
    ];
    const sum =
      four + centre * (-4 * three + centre * (6 * two + centre * (-4 * one + centre * zero)));
    return Math.max(sum, 0);
  }

  /** Kish's (Σw)² / Σw²: as many equally weighted rows would say as much. 0 when no weight is above 0. */
  effectiveSampleSize(): number {
    const squares = this.weightSquares + this.rows * this.meanWeight ** 2;
    return squares === 0 ? 0 : (this.rows * this.meanWeight) ** 2 / squares;
  }
}
