import { bucketCount, layOutGenerationId } from "../../domain/generation-id.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Entropy } from "../../ports/entropy.ts";

/** Ids that share a bucket: as many as fit a Redis listpack (128 entries) with room to spare. */
const idsPerBucket = 100;
const poolBytes = 8192;

/**
 * Makes generation ids that keep decision records dense (see `domain/generation-id.ts`): stays on one
 * bucket for a hundred ids, then moves on to the next, from a random start in every process.
 */
export class GenerationIdFactory {
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #pool = new Uint8Array(poolBytes);
  #poolAt = poolBytes;
  #bucket: number;
  #idsInBucket = 0;

  constructor(options: { clock: Clock; entropy: Entropy }) {
    this.#clock = options.clock;
    this.#entropy = options.entropy;
    const start = new Uint8Array(2);
    this.#entropy.fill(start);
    this.#bucket = (((start[0] as number) << 8) | (start[1] as number)) % bucketCount;
  }

  /** 16 fresh bytes of a version 7 UUID. */
  next(): Uint8Array {
    if (this.#poolAt === poolBytes) {
      this.#entropy.fill(this.#pool);
      this.#poolAt = 0;
    }
    const bytes = new Uint8Array(16);
    for (let index = 8; index < 16; index += 1) {
      bytes[index] = this.#pool[this.#poolAt + index - 8] as number;
    }
    this.#poolAt += 8;
    if (this.#idsInBucket === idsPerBucket) {
      this.#bucket = (this.#bucket + 1) % bucketCount;
      this.#idsInBucket = 0;
    }
    this.#idsInBucket += 1;
    layOutGenerationId(bytes, { timestampMs: this.#clock.nowMs(), bucket: this.#bucket });
    return bytes;
  }
}
