import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { formatGenerationId } from "../domain/generation-id.ts";
import type { GenerationId } from "../domain/ids.ts";

/** Repeatable randomness: the same seed gives the same values, on every machine. */
export interface SeededRandom {
  /** [0,1) */
  fraction(): number;
  /** Integer in [from, to], both included. */
  integer(from: number, to: number): number;
  /** A UUID of version 8 (RFC 9562: content of the maker's choice), since it holds no time. */
  generationId(): GenerationId;
}

/** @param seed a 32-bit integer; larger ones are reduced to that. */
export function seededRandom(seed: number): SeededRandom {
  const generator = xoroshiro128plus(seed | 0);
  const bytes = new Uint8Array(16);
  return {
    fraction: () => uniformFloat64(generator),
    integer: (from, to) => uniformInt(generator, from, to),
    generationId() {
      for (let at = 0; at < 16; at += 1) bytes[at] = uniformInt(generator, 0, 255);
      bytes[6] = 0x80 | ((bytes[6] as number) & 0x0f);
      bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
      return formatGenerationId(bytes);
    },
  };
}

/** 0 to count − 1 in random order, every order equally likely (Fisher–Yates). */
export function shuffledIndexes(count: number, random: SeededRandom): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let at = count - 1; at > 0; at -= 1) {
    const other = random.integer(0, at);
    const value = order[at] as number;
    order[at] = order[other] as number;
    order[other] = value;
  }
  return order;
}
