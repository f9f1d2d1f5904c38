import {
  create,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { BanditError, type FieldViolation, invalidField } from "../../domain/errors.ts";
import { nearestName } from "../../domain/nearest-name.ts";
import { unreadable } from "../unreadable-requests.ts";
import { batchField, batchItemsMax } from "./batch-field.ts";
import { findJsonFaults } from "./json-faults.ts";

/**
 * A request from JSON. One that cannot be read, or an item of a batch that cannot, is a message of which
 * `requireReadable` tells why: the first field that is wrong, by its path in the contract.
 */
export function readJson(schema: DescMessage, bytes: Uint8Array): Message {
  let text: string;
  let json: JsonValue;
  let faults: readonly FieldViolation[];
  try {
    text = utf8.decode(bytes);
    json = JSON.parse(text);
    faults = findJsonFaults(text, json);
  } catch (error) {
    // What is nested tens of thousands deep takes all of the stack.
    const why = error instanceof RangeError ? "it is nested too deeply" : (error as Error).message;
    return unreadable(schema, notJson(why));
  }
  const whole = faults.length === 0 ? attempt(schema, json) : undefined;
  if (whole !== undefined) return whole;
  const items = batchField(schema);
  const list = items === undefined || !isObject(json) ? undefined : json[items.name];
  if (items === undefined || !isObject(json) || !Array.isArray(list)) {
    return unreadable(schema, refused(faults[0] ?? problemIn(schema, json, "")));
  }
  const rest = { ...json, [items.name]: [] };
  const message = attempt(schema, rest);
  const outside = faults.find(({ field }) => !field.startsWith(`${items.name}[`));
  if (message === undefined || outside !== undefined) {
    return unreadable(schema, refused(outside ?? problemIn(schema, rest, "")));
  }
  if (list.length > batchItemsMax) {
    return Object.assign(message, { [items.localName]: list.map(() => create(items.message)) });
  }
  const faultOf = firstFaults(faults);
  const read = list.map((item, index) => {
    const path = `${items.name}[${index}].`;
    const fault = faultOf.get(path);
    const known = fault === undefined ? attempt(items.message, item) : undefined;
    if (known !== undefined) return known;
    const problem =
      fault === undefined
        ? problemIn(items.message, item, "")
        : { ...fault, field: fault.field.slice(path.length) };
    return unreadable(items.message, refused(problem));
  });
  return Object.assign(message, { [items.localName]: read });
}

/** The first fault in each item of a batch, by the beginning of its path, such as `requests[3].`. */
function firstFaults(faults: readonly FieldViolation[]): ReadonlyMap<string, FieldViolation> {
  const first = new Map<string, FieldViolation>();
  for (const fault of faults) {
    const [path] = /^\w+\[\d+\]\./.exec(fault.field) ?? [];
    if (path !== undefined && !first.has(path)) first.set(path, fault);
  }
  return first;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function attempt(schema: DescMessage, json: JsonValue): Message | undefined {
  try {
    return fromJson(schema, json);
  } catch {
    // The fault is looked for field by field.
    return undefined;
  }
}

/** The first thing that is wrong in an object that cannot be read. */
function problemIn(schema: DescMessage, json: JsonValue, path: string): FieldViolation {
  const place = path === "" ? "request" : path;
  if (!isObject(json))
    return { field: place, description: `must be an object, not ${named(json)}` };
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
    ? { field: place, description: "names a field twice" }
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

function refused({ field, description }: FieldViolation): BanditError {
  return invalidField(shortened(field, 128), shortened(description, 512));
}

function shortened(text: string, charactersMax: number): string {
  return text.length <= charactersMax ? text : `${text.slice(0, charactersMax - 1)}…`;
}

function notJson(why: string): BanditError {
  return new BanditError("invalid_argument", `the request is not JSON: ${why.slice(0, 256)}`, {
    reason: "REQUEST_UNREADABLE",
  });
}

/** A value as it stands in the request, a long one by its kind. */
function named(value: JsonValue): string {
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  const text = JSON.stringify(value);
  return text.length <= 64 ? text : "a long text";
}

function isObject(value: JsonValue): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
