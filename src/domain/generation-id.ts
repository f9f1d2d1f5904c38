import type { GenerationId } from "./ids.ts";

/**
 * How a generation id is laid out, and what the state stores read out of it.
 *
 * A UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, version, 12 bits `rand_a`, variant, 62 bits
 * `rand_b`. When this service makes the id, `rand_a` is not random: it is the *bucket*, the same for
 * about a hundred ids in a row. Decision records of one bucket and one time slice share one Redis
 * hash, which stays a compact listpack; that is what keeps a record under 80 bytes. An id made by a
 * client has a random bucket, which only costs memory, never correctness.
 */
export const bucketCount = 4096;

/** 16 bytes → canonical text. */
export function formatGenerationId(bytes: Uint8Array): GenerationId {
  let text = "";
  for (let index = 0; index < 16; index += 1) {
    text += hexOfByte[bytes[index] as number];
    if (index === 3 || index === 5 || index === 7 || index === 9) text += "-";
  }
  return text as GenerationId;
}

/** Canonical text → 16 bytes. */
export function generationIdBytes(id: GenerationId): Uint8Array {
  const bytes = new Uint8Array(16);
  let at = 0;
  for (let index = 0; index < 36; index += 2) {
    if (index === 8 || index === 13 || index === 18 || index === 23) index += 1;
    bytes[at] = (nibble(id.charCodeAt(index)) << 4) | nibble(id.charCodeAt(index + 1));
    at += 1;
  }
  return bytes;
}

/** Milliseconds since the Unix epoch that the id says it was made at; meaningless for a UUID that is not version 7. */
export function generationIdTimestampMs(bytes: Uint8Array): number {
  return (
    (bytes[0] as number) * 2 ** 40 +
    (bytes[1] as number) * 2 ** 32 +
    (bytes[2] as number) * 2 ** 24 +
    (((bytes[3] as number) << 16) | ((bytes[4] as number) << 8) | (bytes[5] as number))
  );
}

/** 1 to 8: which kind of UUID it is. */
export function generationIdVersion(bytes: Uint8Array): number {
  return (bytes[6] as number) >>> 4;
}

/** 0 to 4095: the 12 bits that choose partition and hash for the decision record. */
export function generationIdBucket(bytes: Uint8Array): number {
  return (((bytes[6] as number) & 0x0f) << 8) | (bytes[7] as number);
}

/**
 * Writes a version 7 id into `bytes`. `bytes[8..15]` must already hold random bytes.
 * @param parts.timestampMs Unix milliseconds, 0 to 2^48 − 1. @param parts.bucket 0 to 4095.
 */
export function layOutGenerationId(
  bytes: Uint8Array,
  parts: { timestampMs: number; bucket: number },
): void {
  const high = Math.floor(parts.timestampMs / 2 ** 32);
  const low = parts.timestampMs >>> 0;
  bytes[0] = high >>> 8;
  bytes[1] = high;
  bytes[2] = low >>> 24;
  bytes[3] = low >>> 16;
  bytes[4] = low >>> 8;
  bytes[5] = low;
  bytes[6] = 0x70 | (parts.bucket >>> 8);
  bytes[7] = parts.bucket;
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
}

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function nibble(charCode: number): number {
  return charCode < 58 ? charCode - 48 : charCode - 87;
}
