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
  /** The first score, from which the cubes are reckoned. */
  #origin: number | undefined;
  /** Σ h³ (γ − origin)^k, k from 0 to 3. */
  readonly #cubed = [0, 0, 0, 0];

  /** `weight` above 0. */
  add(weight: number, score: number): void {
    this.#weight += weight;
    this.#mean += (weight / this.#weight) * (score - this.#mean);
    const squared = weight * weight;
    this.#squaredWeight += squared;
    const deviation = score - this.#squaredMean;
    this.#squaredMean += (squared / this.#squaredWeight) * deviation;
    this.#squares += squared * deviation * (score - this.#squaredMean);
    this.#origin ??= score;
    let cubed = squared * weight;
    for (let power = 0; power <= 3; power += 1) {
      this.#cubed[power] = (this.#cubed[power] as number) + cubed;
      cubed *= score - this.#origin;
    }
  }

  /** Σ h³ (γ − q)³ / (Σ h² (γ − q)²)^1.5: the skewness of the mean. NaN without scores or a spread. */
  get skewnessOfMean(): number {
    const [zeroth, first, second, third] = this.#cubed as [number, number, number, number];
    const mean = this.#mean - (this.#origin ?? 0);
    const cubes = third - 3 * mean * second + 3 * mean ** 2 * first - mean ** 3 * zeroth;
    return cubes / (this.standardError * this.#weight) ** 3;
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
