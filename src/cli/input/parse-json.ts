import type { JsonValue } from "@bufbuild/protobuf";
import { findJsonFaults } from "../../domain/json-faults.ts";
import { badInput } from "../exit-code.ts";

/** As deep as readers of the contract's JSON and binary form may go. */
const depthMax = 100;

/**
 * JSON that means what it says: what `JSON.parse` would change, a text with half of a character, and what is nested
 * more than 100 deep are refused, because they would be stored as something else or not at all.
 * @param name of the file or option, for messages
 * @throws CliError usage
 */
export function parseJson(text: string, name: string): JsonValue {
  let value: JsonValue;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badInput(`${name} is not JSON: ${(error as Error).message}`);
  }
  const unkept = unkeptIn(value, depthMax);
  if (unkept !== undefined) throw badInput(`${name} ${unkept}`);
  const [fault] = findJsonFaults(text, value);
  if (fault !== undefined) throw badInput(`${name}: ${fault.field}: ${fault.description}`);
  return value;
}

function unkeptIn(value: JsonValue, depth: number): string | undefined {
  if (typeof value === "string" && !value.isWellFormed()) {
    return `has half of a surrogate pair: ${JSON.stringify(value)}`;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (depth === 0) return `is nested more than ${depthMax} deep`;
  for (const part of Object.values(value)) {
    const unkept = unkeptIn(part, depth - 1);
    if (unkept !== undefined) return unkept;
  }
  return undefined;
}
