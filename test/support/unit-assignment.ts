import { SeededGenerator } from "../../src/numerics/random-generator.ts";
import type { ArmCount } from "../../src/statistics/sample-ratio.ts";

/** Units that arrive one by one and go to each arm with its share. */
export class UnitAssignment {
  readonly arms: { count: number; readonly share: number }[];
  readonly #source: SeededGenerator;
  readonly #drawn: readonly number[];

  /** `drawn` is the true share of each arm, which may differ from what is stated. */
  constructor(seed: number, shares: readonly number[], drawn: readonly number[] = shares) {
    this.#source = SeededGenerator.fromSeed(seed);
    this.arms = shares.map((share) => ({ count: 0, share }));
    this.#drawn = drawn;
  }

  next(): readonly ArmCount[] {
    let unit = this.#source.next();
    const arm = this.#drawn.findIndex((share) => {
      unit -= share;
      return unit < 0;
    });
    const chosen = this.arms.at(arm);
    if (chosen !== undefined) chosen.count += 1;
    return this.arms;
  }

  after(units: number): readonly ArmCount[] {
    for (let unit = 0; unit < units; unit += 1) this.next();
    return this.arms;
  }
}
