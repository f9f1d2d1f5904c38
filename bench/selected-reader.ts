import type { Selected } from "./agent-messages.ts";
import { grpcPrefixBytes } from "./grpc-channel.ts";

/**
 * Reads the three fields an agent needs out of a serialised SelectVariantResponse, without decoding the rest:
 * generation_id (1), variant.variant_id (2.1) and degraded (8).
 * @param message with its gRPC prefix @returns undefined when the bytes are not such a message
 */
export function readSelected(message: Buffer): Selected | undefined {
  let generationId: Buffer | undefined;
  let variantId: string | undefined;
  let degraded = false;
  const cursor = { at: grpcPrefixBytes };
  while (cursor.at < message.length) {
    const tag = readVarint(message, cursor);
    const wireType = tag & 7;
    if (wireType === lengthDelimited) {
      const length = readVarint(message, cursor);
      const end = cursor.at + length;
      if (tag >> 3 === 1) generationId = message.subarray(cursor.at, end);
      if (tag >> 3 === 2) variantId = readFirstString(message, { at: cursor.at });
      cursor.at = end;
    } else if (wireType === varint) {
      const value = readVarint(message, cursor);
      if (tag >> 3 === 8) degraded = value !== 0;
    } else if (wireType === fixed64) {
      cursor.at += 8;
    } else {
      return undefined;
    }
  }
  if (generationId?.length !== 36 || variantId === undefined) return undefined;
  return { generationId, variantId, degraded };
}

const varint = 0;
const fixed64 = 1;
const lengthDelimited = 2;

/** The value of field 1 where that comes first, as every serialiser writes it. */
function readFirstString(message: Buffer, cursor: { at: number }): string | undefined {
  if (readVarint(message, cursor) !== ((1 << 3) | lengthDelimited)) return undefined;
  const length = readVarint(message, cursor);
  return message.toString("latin1", cursor.at, cursor.at + length);
}

/** Up to 28 bits, which is more than any tag or length here. */
function readVarint(message: Buffer, cursor: { at: number }): number {
  let value = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = message[cursor.at] ?? 0;
    cursor.at += 1;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value;
}
