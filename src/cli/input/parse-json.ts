import type { JsonValue } from "@bufbuild/protobuf";
import { findJsonFaults } from "../../domain/json-faults.ts";
import { badInput, type CliError } from "../exit-code.ts";

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
    throw notJson(text, name, (error as Error).message);
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

function notJson(text: string, name: string, message: string): CliError {
  if (text.trim() === "") return badInput(`${name} is empty, and JSON is needed`);
  const before = text.slice(0, faultOffset(text, message));
  const line = before.split("\n").length;
  const column = before.length - before.lastIndexOf("\n");
  const reason = message.replace(/(( in JSON)? at position .*|, (\.{3})?".*)$/s, "");
  return badInput(`${name} line ${line}, column ${column}: is not JSON: ${reason}`);
}

/** The engine says where, except of a token that it did not expect and of a text that ends too soon. */
function faultOffset(text: string, message: string): number {
  const offset = / at position (\d+)/.exec(message)?.[1];
  if (offset !== undefined) return Number(offset);
  // The shortest beginning that has the token: those without it are only too short.
  let without = 0;
  let withToken = text.length + 1;
  while (withToken - without > 1) {
    const middle = (without + withToken) >>> 1;
    if (hasUnexpectedToken(text.slice(0, middle))) withToken = middle;
    else without = middle;
  }
  return withToken - 1;
}

function hasUnexpectedToken(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    return (error as Error).message.startsWith("Unexpected token");
  }
}
