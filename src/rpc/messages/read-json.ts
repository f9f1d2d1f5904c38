import { create, type DescMessage, type JsonValue, type Message } from "@bufbuild/protobuf";
import { BanditError, type FieldViolation, invalidField } from "../../domain/errors.ts";
import { findJsonFaults } from "../../domain/json-faults.ts";
import { shortened } from "../../domain/shortened.ts";
import { unreadable } from "../unreadable-requests.ts";
import { batchField, batchItemsMax } from "./batch-field.ts";
import { attempt, isObject, problemIn } from "./json-problem.ts";

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

function refused({ field, description }: FieldViolation): BanditError {
  return invalidField(shortened(field || "request", 128), shortened(description, 512));
}

function notJson(why: string): BanditError {
  return new BanditError("invalid_argument", `the request is not JSON: ${why.slice(0, 256)}`, {
    reason: "REQUEST_UNREADABLE",
  });
}
