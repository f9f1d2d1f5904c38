import { layOutGenerationId } from "../../src/domain/generation-id.ts";
import { SeededGenerator } from "../../src/numerics/random-generator.ts";

/** Seeded uniform numbers in [0,1) with 53 bits. */
export function seededUnit(seed: number): () => number {
  const generator = SeededGenerator.fromSeed(seed);
  return () => generator.next();
}

/**
 * Seeded generation ids as the service makes them: time moves on a little, a hundred ids in a row have
 * the same bucket, the tail is random. The same array is handed out again and again.
 */
export function seededIds(seed: number): () => Uint8Array {
  const generator = SeededGenerator.fromSeed(seed);
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  let made = 0;
  return () => {
    view.setUint32(8, generator.next() * 2 ** 32);
    view.setUint32(12, generator.next() * 2 ** 32);
    layOutGenerationId(bytes, {
      timestampMs: 1_795_000_000_000 + Math.floor(made / 7),
      bucket: Math.floor(made / 100) % 4096,
    });
    made += 1;
    return bytes;
  };
}
