/** Normal numbers around 0 with variances of their own and one covariance, from 0, that they all have. */
export class EqualCorrelations {
  readonly #covariance: number;
  #logVariances = 0;
  #precision = 0;
  #sum = 0;
  #squares = 0;

  constructor(covariance: number) {
    this.#covariance = covariance;
  }

  add(value: number, ownVariance: number): void {
    this.#logVariances += Math.log(ownVariance);
    this.#precision += 1 / ownVariance;
    this.#sum += value / ownVariance;
    this.#squares += (value * value) / ownVariance;
  }

  /** Up to the constant that only the number of values decides (Sherman & Morrison 1950). */
  logDensity(): number {
    const widened = 1 + this.#covariance * this.#precision;
    const squares = this.#squares - (this.#covariance * this.#sum ** 2) / widened;
    return -(this.#logVariances + Math.log(widened) + squares) / 2;
  }
}
