import type { Sample } from "../../src/statistics/moments.ts";

/** An arm that is looked at after every observation: the mean and the variance so far (Welford 1962). */
export class RunningSample {
  n = 0;
  #mean = 0;
  #squares = 0;

  push(value: number): void {
    this.n += 1;
    const before = value - this.#mean;
    this.#mean += before / this.n;
    this.#squares += before * (value - this.#mean);
  }

  sample(): Sample {
    return {
      n: this.n,
      mean: this.#mean,
      variance: this.n > 1 ? this.#squares / (this.n - 1) : 0,
    };
  }
}

export function sampleOf(n: number, draw: () => number): Sample {
  const running = new RunningSample();
  for (let count = 0; count < n; count += 1) running.push(draw());
  return running.sample();
}
