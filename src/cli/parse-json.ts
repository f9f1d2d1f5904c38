import type { JsonValue } from "@bufbuild/protobuf";
import { badInput } from "./exit-code.ts";

/** As deep as readers of the contract's JSON and binary form may go. */
const depthMax = 100;

/**
 * JSON that means what it says: a number that would lose digits, a text with half of a character, and what is
 * nested more than 100 deep are refused, because they would be stored as something else or not at all.
 * @param name of the file or option, for messages
 * @throws CliError usage
 */
export function parseJson(text: string, name: string): JsonValue {
  const changed: string[] = [];
  const reviver = (_: string, part: unknown, { source = "" }: { readonly source?: string }) => {
    if (typeof part === "number" && !isExact(part, source)) changed.push(source);
    if (typeof part === "string" && !part.isWellFormed()) changed.push(source);
    return part;
  };
  let value: JsonValue;
  try {
    // TypeScript does not know of the third argument yet.
    value = JSON.parse(text, reviver as (key: string, part: unknown) => unknown);
  } catch (error) {
    throw badInput(`${name} is not JSON: ${(error as Error).message}`);
  }
  if (changed.length > 0) {
    throw badInput(
      `${name}: ${changed[0]} cannot be kept exactly; write a shorter number, or whole characters`,
    );
  }
  if (isDeeperThan(value, depthMax)) throw badInput(`${name} is nested more than ${depthMax} deep`);
  return value;
}

/** Decimal fractions are rounded to the nearest double, as everywhere; whole numbers must stay what they are. */
function isExact(value: number, source: string): boolean {
  return Number.isFinite(value) && (!/^-?\d+$/.test(source) || BigInt(value) === BigInt(source));
}

function isDeeperThan(value: JsonValue, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return depth === 0 || Object.values(value).some((part) => isDeeperThan(part, depth - 1));
}
