/**
 * Weighted mean of scores and its standard error, one score at a time in constant memory:
 *
 *     q = Σ h γ / Σ h,   s² = Σ h² (γ − q)² / (Σ h)²
 *
 * (Hadad et al. 2021, the adaptively weighted estimator and its variance). Updated like Welford's moments,
 * so that a large common offset of the scores costs no digits.
 */
export class WeightedScores {
  #weight = 0;
  #mean = 0;
  #squaredWeight = 0;
  /** Mean with the weights h², and Σ h² (γ − that mean)². */
  #squaredMean = 0;
  #squares = 0;

  /** `weight` above 0. */
  add(weight: number, score: number): void {
    this.#weight += weight;
    this.#mean += (weight / this.#weight) * (score - this.#mean);
    const squared = weight * weight;
    this.#squaredWeight += squared;
    const deviation = score - this.#squaredMean;
    this.#squaredMean += (squared / this.#squaredWeight) * deviation;
    this.#squares += squared * deviation * (score - this.#squaredMean);
  }

  /** 0 without scores. */
  get mean(): number {
    return this.#mean;
  }

  /** Of the mean. NaN without scores. */
  get standardError(): number {
    const offset = this.#squaredMean - this.#mean;
    return Math.sqrt(this.#squares + this.#squaredWeight * offset * offset) / this.#weight;
  }
}
