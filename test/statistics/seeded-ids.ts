import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { layOutGenerationId } from "../../src/domain/generation-id.ts";

/** Seeded uniform numbers in [0,1) with 32 bits. */
export function seededUnit(seed: number): () => number {
  const generator = xoroshiro128plus(seed);
  return () => (generator.next() >>> 0) / 2 ** 32;
}

/**
 * Seeded generation ids as the service makes them: time moves on a little, a hundred ids in a row have
 * the same bucket, the tail is random. The same array is handed out again and again.
 */
export function seededIds(seed: number): () => Uint8Array {
  const generator = xoroshiro128plus(seed);
  const bytes = new Uint8Array(16);
  let made = 0;
  return () => {
    for (let at = 8; at < 16; at += 1) bytes[at] = generator.next();
    layOutGenerationId(bytes, {
      timestampMs: 1_795_000_000_000 + Math.floor(made / 7),
      bucket: Math.floor(made / 100) % 4096,
    });
    made += 1;
    return bytes;
  };
}
