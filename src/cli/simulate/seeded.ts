import { formatGenerationId } from "../../domain/generation-id.ts";
import type { GenerationId } from "../../domain/ids.ts";
import { SeededGenerator } from "../../numerics/random-generator.ts";

/** Repeatable randomness: the same seed gives the same values, on every machine. */
export interface SeededRandom {
  /** [0,1) */
  fraction(): number;
  /** Integer in [from, to], both included. */
  integer(from: number, to: number): number;
  /** A UUID of version 8 (RFC 9562: content of the maker's choice), since it holds no time. */
  generationId(): GenerationId;
}

/** @param seed a safe integer; neighbouring seeds give streams that have nothing in common */
export function seededRandom(seed: number): SeededRandom {
  const generator = SeededGenerator.fromSeed(seed);
  const bytes = new Uint8Array(16);
  const integer = (from: number, to: number): number =>
    from + Math.floor(generator.next() * (to - from + 1));
  return {
    fraction: () => generator.next(),
    integer,
    generationId() {
      for (let at = 0; at < 16; at += 1) bytes[at] = integer(0, 255);
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
