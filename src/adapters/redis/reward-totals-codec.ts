import type { ContextTotals, RewardTotals } from "../../domain/contribution.ts";
import { invariant } from "../../domain/errors.ts";

/** An arm's totals, and how often they have changed. */
export interface VersionedTotals {
  readonly totals: RewardTotals;
  readonly version: number;
}

const bytesPerNumber = 8;
const lineBreak = 0x0a;

/**
 * Totals as Redis keeps them: `reward weight generations version squares position` as text, each
 * number with as many digits as it takes to read back the same double. With a context its epoch follows,
 * a line break, and its sums as big-endian float64: products, then rewards. The same is written in Lua
 * (adapters/redis/lua/includes/replace-in-totals.lua).
 */
export function encodeRewardTotals({ totals, version }: VersionedTotals): Buffer {
  const { reward, weight, generations, squares, position, context } = totals;
  const text = `${reward} ${weight} ${generations} ${version} ${squares} ${position}`;
  if (context === undefined) return Buffer.from(text, "latin1");
  return Buffer.concat([Buffer.from(`${text} ${context.epoch}\n`, "latin1"), encodeSums(context)]);
}

/**
 * Undoes {@link encodeRewardTotals}.
 * @throws Error when the bytes are something else.
 */
export function decodeRewardTotals(bytes: Buffer): VersionedTotals {
  const textEnd = bytes.indexOf(lineBreak);
  const text = bytes.toString("latin1", 0, textEnd === -1 ? bytes.length : textEnd);
  const numbers = text.split(" ").map(Number);
  const [reward = 0, weight = 0, generations = 0, version = 0, squares = 0, position = 0, epoch] =
    numbers;
  const isWhole = numbers.length === (textEnd === -1 ? 6 : 7);
  invariant(
    isWhole && numbers.every(Number.isFinite) && numbers.slice(1).every((number) => number >= 0),
    `totals cannot be read: ${text}`,
  );
  const sums = { reward, weight, squares, generations, position };
  if (epoch === undefined) return { totals: sums, version };
  return {
    totals: { ...sums, context: decodeSums(epoch, bytes.subarray(textEnd + 1)) },
    version,
  };
}

function encodeSums({ products, rewards }: ContextTotals): Buffer {
  const bytes = Buffer.allocUnsafe((products.length + rewards.length) * bytesPerNumber);
  let at = 0;
  for (const number of products) at = bytes.writeDoubleBE(number, at);
  for (const number of rewards) at = bytes.writeDoubleBE(number, at);
  return bytes;
}

function decodeSums(epoch: number, bytes: Buffer): ContextTotals {
  const count = bytes.length / bytesPerNumber;
  // Of d(d + 1)/2 products and d rewards, d(d + 3)/2 in all.
  const length = Math.round((Math.sqrt(9 + 8 * count) - 3) / 2);
  invariant(length >= 1 && (length * (length + 3)) / 2 === count, "sums of a context are whole");
  const numbers: number[] = [];
  for (let at = 0; at < bytes.length; at += bytesPerNumber) numbers.push(bytes.readDoubleBE(at));
  invariant(numbers.every(Number.isFinite), "sums of a context are finite");
  return { epoch, products: numbers.slice(0, -length), rewards: numbers.slice(-length) };
}
