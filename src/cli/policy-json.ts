import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
} from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { type Policy, PolicyRecordSchema, PolicySchema } from "../client/index.ts";
import { nearestName } from "../domain/nearest-name.ts";
import { badInput } from "./exit-code.ts";

/**
 * A policy from JSON: a bandit.v1.Policy, or a record as `policy show --json` prints it.
 * @param name of the file, for messages
 * @throws CliError usage that names the field
 */
export function policyFromJson(content: JsonValue, name: string): Policy {
  if (!isObject(content) || !("policy" in content)) return decoded(PolicySchema, content, name);
  const { policy } = decoded(PolicyRecordSchema, content, name);
  if (policy !== undefined) return policy;
  throw badInput(`${name} is not a policy: its policy is null`);
}

function decoded<Schema extends DescMessage>(schema: Schema, content: JsonValue, name: string) {
  try {
    return fromJson(schema, content);
  } catch (error) {
    const path = schema.typeName === PolicySchema.typeName ? "policy" : "";
    throw badInput(`${name} is not a policy: ${problemIn(content, schema, path, error as Error)}`);
  }
}

/**
 * The decoder's messages name types, not places. The part that it cannot read even by itself is the place.
 * @param error what the decoder says of the whole
 */
function problemIn(value: JsonValue, schema: DescMessage, path: string, error: Error): string {
  if (!isObject(value)) return `${path}: must be an object, not ${named(value)}`;
  for (const [key, part] of Object.entries(value)) {
    const problem = problemOf(schema, { [key]: part });
    if (problem === undefined) continue;
    const at = path === "" ? key : `${path}.${key}`;
    const field = schema.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    return field === undefined
      ? `${at}: ${unknownField(key, schema)}`
      : fieldProblem(field, part, at, problem);
  }
  return `${path}: ${withoutTypes(error)}`;
}

function fieldProblem(field: DescField, value: JsonValue, path: string, error: Error): string {
  if (field.message?.typeName === DurationSchema.typeName) {
    return `${path}: ${named(value)} is no duration; write seconds, e.g. "3600s"`;
  }
  if (field.fieldKind === "message") return problemIn(value, field.message, path, error);
  if (field.fieldKind !== "list") return `${path}: ${withoutTypes(error)}`;
  if (!Array.isArray(value)) return `${path}: must be a list, not ${named(value)}`;
  const index = value.findIndex((entry) => problemOf(field.parent, { [field.name]: [entry] }));
  const [entry, at] = [value[index] as JsonValue, `${path}[${index}]`];
  return field.message === undefined
    ? `${at}: ${withoutTypes(error)}`
    : problemIn(entry, field.message, at, error);
}

function problemOf(schema: DescMessage, content: JsonValue): Error | undefined {
  try {
    fromJson(schema, content);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

function withoutTypes({ message }: Error): string {
  return message.replace(/^cannot decode .* from JSON: /, "");
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

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
