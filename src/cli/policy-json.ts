import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { AlgorithmSchema, type Policy, PolicyRecordSchema, PolicySchema } from "../client/index.ts";
import { badInput } from "./exit-code.ts";
import { nearestName } from "./nearest-name.ts";

const secondsOfADay = 86_400;
const durationForm = /^-?\d+(\.\d{1,9})?s$/;
const otherDuration = /^(\d+(?:\.\d+)?) *(ms|s|sec|m|min|h|d|w)?$/;
const unitSeconds: Readonly<Record<string, number>> = {
  ms: 0.001,
  s: 1,
  sec: 1,
  m: 60,
  min: 60,
  h: 3600,
  d: secondsOfADay,
  w: 604_800,
};

/**
 * A policy from JSON: a bandit.v1.Policy, or a record as `policy show --json` prints it. The decoder's own messages
 * name types, not places; so everything is looked at against the contract first.
 * @param name of the file, for messages
 * @throws CliError usage that names the field
 */
export function parsePolicyJson(text: string, name: string): Policy {
  let content: JsonValue;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw badInput(`${name} is not JSON: ${(error as Error).message}`);
  }
  const isRecord = typeof content === "object" && content !== null && "policy" in content;
  const problem = isRecord
    ? messageProblem(content, PolicyRecordSchema, "")
    : messageProblem(content, PolicySchema, "policy");
  if (problem !== undefined) throw badInput(`${name} is not a policy: ${problem}`);
  try {
    if (!isRecord) return fromJson(PolicySchema, content);
    const { policy } = fromJson(PolicyRecordSchema, content);
    if (policy !== undefined) return policy;
  } catch (error) {
    throw badInput(`${name} is not a policy: ${(error as Error).message}`);
  }
  throw badInput(`${name} is not a policy: its policy is null`);
}

/** The first thing wrong in an object of the contract, with its path; undefined when there is none. */
function messageProblem(value: JsonValue, schema: DescMessage, path: string): string | undefined {
  if (schema.typeName === AlgorithmSchema.typeName) {
    const problem = algorithmProblem(value, path);
    if (problem !== undefined) return problem;
  }
  if (!isObject(value)) return `${path}: must be an object, not ${named(value)}`;
  for (const [key, entry] of Object.entries(value)) {
    const at = path === "" ? key : `${path}.${key}`;
    const field = schema.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    if (field === undefined) return `${at}: ${unknownField(key, schema)}`;
    // Proto JSON: null is as good as absent.
    const problem = entry === null ? undefined : fieldProblem(entry, field, at);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function fieldProblem(value: JsonValue, field: DescField, path: string): string | undefined {
  switch (field.fieldKind) {
    case "message":
      if (field.message.typeName === DurationSchema.typeName) return durationProblem(value, path);
      // Other well-known types are not objects in JSON: the decoder looks at them.
      if (field.message.typeName.startsWith("google.protobuf.")) return undefined;
      return messageProblem(value, field.message, path);
    case "list": {
      if (!Array.isArray(value)) return `${path}: must be a list, not ${named(value)}`;
      const { message } = field;
      if (message === undefined) return undefined;
      return value
        .map((entry, index) => messageProblem(entry, message, `${path}[${index}]`))
        .find((problem) => problem !== undefined);
    }
    case "scalar": {
      const wanted = wantedProblem(value, field.scalar);
      return wanted === undefined ? undefined : `${path}: must be ${wanted}, not ${named(value)}`;
    }
    default:
      return undefined;
  }
}

/** What the value ought to be; undefined when it may be one. Proto JSON takes numbers as text, too. */
function wantedProblem(value: JsonValue, scalar: ScalarType): string | undefined {
  switch (scalar) {
    case ScalarType.DOUBLE: {
      const isText =
        typeof value === "string" && value.trim() !== "" && !Number.isNaN(Number(value));
      return typeof value === "number" || isText ? undefined : "a number";
    }
    case ScalarType.BOOL:
      return typeof value === "boolean" ? undefined : "true or false";
    case ScalarType.STRING:
      return typeof value === "string" ? undefined : "a text";
    default:
      return undefined;
  }
}

/** Exactly one algorithm, by its name and with its parameters. */
function algorithmProblem(value: JsonValue, path: string): string | undefined {
  const names = AlgorithmSchema.fields.map(({ name }) => name);
  const form = `write {"thompson_sampling": {}}, or in its place ${names.slice(1).join(", ")}`;
  if (!isObject(value)) return `${path}: ${named(value)} is no object; ${form}`;
  const keys = Object.keys(value);
  const unknown = keys.find(
    (key) => !AlgorithmSchema.fields.some(({ name, jsonName }) => name === key || jsonName === key),
  );
  if (unknown !== undefined) return `${path}.${unknown}: no such algorithm; ${form}`;
  return keys.length === 1 ? undefined : `${path}: names ${keys.length} algorithms; ${form}`;
}

function durationProblem(value: JsonValue, path: string): string | undefined {
  if (typeof value === "string" && durationForm.test(value)) return undefined;
  const [, amount, unit = "s"] = otherDuration.exec(String(value)) ?? [];
  const seconds =
    amount === undefined
      ? secondsOfADay
      : Number((Number(amount) * (unitSeconds[unit] ?? 1)).toFixed(3));
  return `${path}: ${named(value)} is no duration; write seconds, e.g. "${seconds}s"`;
}

function unknownField(key: string, schema: DescMessage): string {
  const names = schema.fields.map(({ name }) => name);
  const nearest = nearestName(key, names);
  return nearest === undefined
    ? `unknown field; the fields are ${names.join(", ")}`
    : `unknown field; is it ${nearest}?`;
}

/** A value as it stands in the file, a long one by its kind. */
function named(value: JsonValue): string {
  if (Array.isArray(value)) return "a list";
  return isObject(value) ? "an object" : JSON.stringify(value);
}

function isObject(value: JsonValue): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
