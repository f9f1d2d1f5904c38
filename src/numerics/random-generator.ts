import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";

/** Where random numbers come from. Pure code gets it as an argument. */
export interface UniformSource {
  /** The next number, uniform on the multiples of 2^−53 in [0,1). */
  next(): number;
}

/**
 * A seeded stream of uniform numbers whose state can be taken out and put back: xoroshiro128+ (Blackman &
 * Vigna 2018) of pure-rand, period 2^128 − 1. Not for secrets.
 */
export class SeededGenerator implements UniformSource {
  readonly #generator: RandomGenerator;

  private constructor(generator: RandomGenerator) {
    this.#generator = generator;
  }

  /** The same seed gives the same stream. `seed` is any safe integer; anything else throws a RangeError. */
  static fromSeed(seed: number): SeededGenerator {
    if (!Number.isSafeInteger(seed)) throw new RangeError(`seed ${seed} is not a safe integer`);
    return new SeededGenerator(xoroshiro128plusFromState(spread(seed)));
  }

  /** Goes on where {@link state} was taken. Throws a RangeError when it cannot have come from there. */
  static fromState(state: readonly number[]): SeededGenerator {
    const valid =
      state.length === 4 && state.every((word) => Number.isInteger(word) && (word | 0) === word);
    if (!valid || state.every((word) => word === 0)) {
      throw new RangeError("a generator's state is four 32-bit integers, not all 0");
    }
    return new SeededGenerator(xoroshiro128plusFromState(state));
  }

  /** Four 32-bit signed integers. */
  state(): readonly number[] {
    return [...this.#generator.getState()];
  }

  next(): number {
    // The lowest bits of xoroshiro128+ are its weakest: the 5 and 6 lowest are dropped.
    const high = this.#generator.next() >>> 5;
    const low = this.#generator.next() >>> 6;
    return (high * 2 ** 26 + low) * 2 ** -53;
  }
}

/**
 * Four well mixed words from a seed: SplitMix's counter with MurmurHash3's 32-bit finaliser. Refused:
 * pure-rand's own seeding, which puts the seed in two of the words and constants in the others, so
 * that the first numbers of neighbouring seeds resemble one another.
 */
function spread(seed: number): readonly number[] {
  const low = seed | 0;
  const high = Math.floor(seed / 2 ** 32) | 0;
  const words: number[] = [];
  let state = mix(low) ^ mix(high ^ 0x5bf03635);
  for (let word = 0; word < 4; word += 1) {
    state = (state + 0x9e3779b9) | 0;
    words.push(mix(state ^ (word % 2 === 0 ? low : high)));
  }
  return words;
}

function mix(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
