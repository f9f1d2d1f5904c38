import type { ListValue, NullValue, Struct, Value } from "@bufbuild/protobuf/wkt";

const nullValue: NullValue = 0;

/**
 * JSON values as messages, by hand: a result has up to 10,000 rows, and the library's own conversion
 * goes through reflection. What JSON has no word for (a number that is not finite) becomes text.
 */
export function listValueOfJson(values: readonly unknown[]): ListValue {
  return { $typeName: "google.protobuf.ListValue", values: values.map(valueOfJson) };
}

/** Bytes that a value takes in a list at most, as a message. */
export function bytesOfJson(value: unknown): number {
  switch (typeof value) {
    case "string":
      return Buffer.byteLength(value) + headBytes;
    case "bigint":
      return value.toString().length + headBytes;
    case "object": {
      if (value === null) return headBytes;
      let bytes = headBytes;
      for (const [name, member] of Object.entries(value)) {
        if (!Array.isArray(value)) bytes += Buffer.byteLength(name) + headBytes;
        bytes += bytesOfJson(member);
      }
      return bytes;
    }
    default:
      return Number.isFinite(value) ? 8 + headBytes : 9 + headBytes;
  }
}

/** Tags and lengths around a value: of the list or map, of the value, and of its kind. */
const headBytes = 3 * 4;

function valueOfJson(value: unknown): Value {
  return { $typeName: "google.protobuf.Value", kind: kindOfJson(value) };
}

function kindOfJson(value: unknown): Value["kind"] {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value)
        ? { case: "numberValue", value }
        : { case: "stringValue", value: String(value) };
    case "string":
      return { case: "stringValue", value };
    case "boolean":
      return { case: "boolValue", value };
    case "bigint":
      return { case: "stringValue", value: value.toString() };
    case "object":
      if (value === null) return { case: "nullValue", value: nullValue };
      return Array.isArray(value)
        ? { case: "listValue", value: listValueOfJson(value) }
        : { case: "structValue", value: structOfJson(value) };
    default:
      return { case: "nullValue", value: nullValue };
  }
}

function structOfJson(value: object): Struct {
  return {
    $typeName: "google.protobuf.Struct",
    fields: Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, valueOfJson(member)]),
    ),
  };
}
