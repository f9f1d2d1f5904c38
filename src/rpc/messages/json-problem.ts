import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import type { FieldViolation } from "../../domain/errors.ts";
import { nearestName } from "../../domain/nearest-name.ts";

/**
 * The message, or undefined where the decoder cannot read it, whose errors name types, not places, or reads a number from a text
 * that JSON has no such number for, such as "0x10".
 */
export function attempt(schema: DescMessage, json: JsonValue): Message | undefined {
  try {
    const message = fromJson(schema, json);
    return hasOddNumber(schema, json) ? undefined : message;
  } catch {
    // `problemIn` looks for the fault field by field.
    return undefined;
  }
}

const decimal = /^(-?\d+(\.\d+)?([eE][+-]?\d+)?|-?Infinity|NaN)$/;
const notNumbers: ReadonlySet<ScalarType> = new Set([
  ScalarType.STRING,
  ScalarType.BOOL,
  ScalarType.BYTES,
]);

function hasOddNumber(schema: DescMessage, json: JsonValue): boolean {
  if (!isObject(json)) return false;
  return Object.entries(json).some(([key, value]) => {
    const field = schema.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    if (field === undefined || value === null) return false;
    const several = field.fieldKind === "list" || field.fieldKind === "map";
    return (several ? Object.values(value) : [value]).some((one: JsonValue) => {
      if (field.message !== undefined) return hasOddNumber(field.message, one);
      const { scalar } = field;
      if (scalar === undefined || notNumbers.has(scalar)) return false;
      return typeof one === "string" && !decimal.test(one);
    });
  });
}

/** The first thing that is wrong in JSON of which no message can be made. @param path of the message; empty: it is the whole */
export function problemIn(schema: DescMessage, json: JsonValue, path: string): FieldViolation {
  if (!isObject(json)) return wrong(path, "an object", json);
  for (const [key, value] of Object.entries(json)) {
    const field = schema.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    const here = path === "" ? (field?.name ?? key) : `${path}.${field?.name ?? key}`;
    if (field === undefined) return { field: here, description: unknownField(key, schema) };
    if (attempt(schema, { [key]: value }) !== undefined) continue;
    return problemOf(field, value, here);
  }
  // Each field can be read by itself.
  const [oneof] = schema.oneofs.filter(
    ({ fields }) =>
      fields.filter(({ name, jsonName }) => name in json || jsonName in json).length > 1,
  );
  return oneof === undefined
    ? { field: path, description: "names a field twice" }
    : {
        field: path === "" ? oneof.name : `${path}.${oneof.name}`,
        description: `exactly one of ${oneof.fields.map(({ name }) => name).join(", ")} may be given`,
      };
}

function problemOf(field: DescField, value: JsonValue, path: string): FieldViolation {
  if (field.fieldKind === "list") {
    if (!Array.isArray(value)) return wrong(path, "a list", value);
    const index = value.findIndex(
      (item) => attempt(field.parent, { [field.name]: [item] }) === undefined,
    );
    return elementProblem(field, value[index] as JsonValue, `${path}[${index}]`);
  }
  if (field.fieldKind === "map") {
    if (!isObject(value)) return wrong(path, "an object", value);
    const [key, entry] = Object.entries(value).find(
      ([name, one]) => attempt(field.parent, { [field.name]: { [name]: one } }) === undefined,
    ) as [string, JsonValue];
    return elementProblem(field, entry, `${path}[${JSON.stringify(key)}]`);
  }
  return elementProblem(field, value, path);
}

function elementProblem(field: DescField, value: JsonValue, path: string): FieldViolation {
  if (field.message !== undefined) {
    const form = wellKnownForms[field.message.typeName];
    if (form !== undefined) return wrong(path, form, value);
    return problemIn(field.message, value, path);
  }
  if (field.enum !== undefined) {
    const names = field.enum.values.slice(1).map(({ name }) => name);
    const nearest = typeof value === "string" ? nearestName(value.toUpperCase(), names) : undefined;
    const hint = nearest === undefined ? "" : `; is it ${nearest}?`;
    return wrong(path, `one of ${names.join(", ")}`, value, hint);
  }
  if (field.scalar === ScalarType.STRING && typeof value === "string") {
    return { field: path, description: "must be valid Unicode; it has half of a surrogate pair" };
  }
  return wrong(path, scalarForm(field.scalar), value);
}

const wellKnownForms: Readonly<Record<string, string>> = {
  "google.protobuf.Timestamp": "a time with its zone, such as 2026-01-31T12:00:00Z",
  "google.protobuf.Duration": 'a duration in seconds, such as "1.5s"',
  "google.protobuf.Struct": "an object of valid Unicode",
};

function scalarForm(scalar: ScalarType | undefined): string {
  switch (scalar) {
    case ScalarType.DOUBLE:
      return "a number";
    case ScalarType.BOOL:
      return "true or false";
    case ScalarType.STRING:
      return "a text";
    case ScalarType.INT32:
      return "a whole number from -2147483648 to 2147483647";
    default:
      return "a whole number";
  }
}

function wrong(path: string, wanted: string, value: JsonValue, hint = ""): FieldViolation {
  return { field: path, description: `must be ${wanted}, not ${named(value)}${hint}` };
}

function unknownField(key: string, schema: DescMessage): string {
  const names = schema.fields.map(({ name }) => name);
  const nearest = nearestName(key, names);
  return nearest === undefined
    ? `there is no such field; the fields are ${names.join(", ")}`
    : `there is no such field; is it ${nearest}?`;
}

/** A value as it stands in the request, a long one by its kind. */
function named(value: JsonValue): string {
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  const text = JSON.stringify(value);
  return text.length <= 64 ? text : "a long text";
}

export function isObject(value: JsonValue): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
