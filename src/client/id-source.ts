import { formatGenerationId, layOutGenerationId } from "../domain/generation-id.ts";
import type { GenerationId } from "../domain/ids.ts";

/** Time and randomness for the ids a client makes. */
export interface IdSource {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number;
  /** Fills `target` with random bytes. */
  fillRandom(target: Uint8Array): void;
}

/** The machine's clock and random numbers: the SDK runs in other people's processes, without our wiring. */
export const machineIdSource: IdSource = {
  nowMs: () => Date.now(),
  fillRandom: (target) => {
    crypto.getRandomValues(target);
  },
};

/** As many ids in a row share their bucket, like those the service makes (see domain/generation-id.ts). */
const idsPerBucket = 100;

/** Makes UUIDv7 ids that the service stores as compactly as its own. */
export class ClientIds {
  readonly #source: IdSource;
  readonly #bytes = new Uint8Array(16);
  #bucket = 0;
  #left = 0;

  constructor(source: IdSource) {
    this.#source = source;
  }

  next(): GenerationId {
    const bytes = this.#bytes;
    this.#source.fillRandom(bytes);
    if (this.#left === 0) {
      this.#bucket = (((bytes[6] as number) & 0x0f) << 8) | (bytes[7] as number);
      this.#left = idsPerBucket;
    }
    this.#left -= 1;
    layOutGenerationId(bytes, { timestampMs: this.#source.nowMs(), bucket: this.#bucket });
    return formatGenerationId(bytes);
  }
}
