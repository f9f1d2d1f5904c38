import type { DecisionRecord } from "../../domain/decision.ts";

/** Where a generation's rewards count: how far forgetting had come, and at which features of the input. */
export type Placement = Pick<DecisionRecord, "forgettingPosition" | "context">;

const bytesPerNumber = 8;
const nowhereSpecial = Buffer.alloc(0);

/**
 * Big-endian float64, so exact: the forgetting position and, with a context, its epoch and its values. No bytes
 * at all for position 0 without a context, as most decisions have it; at most 152.
 */
export function encodePlacement({ forgettingPosition, context }: Placement): Buffer {
  if (context === undefined && forgettingPosition === 0) return nowhereSpecial;
  const numbers =
    context === undefined
      ? [forgettingPosition]
      : [forgettingPosition, context.epoch, ...context.values];
  const bytes = Buffer.allocUnsafe(numbers.length * bytesPerNumber);
  for (const [index, number] of numbers.entries()) {
    bytes.writeDoubleBE(number, index * bytesPerNumber);
  }
  return bytes;
}

/** Undoes {@link encodePlacement}. */
export function decodePlacement(bytes: Buffer): Placement {
  const numbers: number[] = [];
  for (let at = 0; at < bytes.length; at += bytesPerNumber) numbers.push(bytes.readDoubleBE(at));
  const [forgettingPosition = 0, epoch, ...values] = numbers;
  return epoch === undefined
    ? { forgettingPosition }
    : { forgettingPosition, context: { epoch, values } };
}
