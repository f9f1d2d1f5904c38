import { create, type DescMessage, fromBinary, type Message } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { BanditError, invalidField } from "../../domain/errors.ts";
import { unreadable } from "../unreadable-requests.ts";
import { batchField, batchItemsMax } from "./batch-field.ts";

/**
 * A request from its bytes. One that cannot be read, or an item of a batch that cannot, is a message of which
 * `requireReadable` tells why. A number in the place of a text, and the like, cannot always be told from a field that
 * this version does not know, and then is passed over like one.
 */
export function readBinary(schema: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(schema, bytes);
  } catch {
    return readPieces(schema, bytes);
  }
}

function readPieces(schema: DescMessage, bytes: Uint8Array): Message {
  let pieces: readonly Piece[];
  try {
    pieces = piecesOf(bytes);
  } catch {
    return unreadable(schema, cutOff());
  }
  const items = batchField(schema);
  const itemPieces = pieces.filter(({ number }) => number === items?.number);
  const others = pieces.filter(({ number }) => number !== items?.number);
  const problem = problemIn(schema, others);
  if (problem !== undefined) return unreadable(schema, problem);
  const message = fromBinary(schema, Buffer.concat(others.map(({ field }) => field)));
  if (items === undefined) return message;
  const read = itemPieces.map(({ content }): Message => {
    if (itemPieces.length > batchItemsMax) return create(items.message);
    try {
      return fromBinary(items.message, content);
    } catch {
      return unreadable(items.message, itemProblem(items.message, content));
    }
  });
  return Object.assign(message, { [items.localName]: read });
}

function itemProblem(schema: DescMessage, content: Uint8Array): BanditError {
  try {
    return problemIn(schema, piecesOf(content)) ?? cutOff();
  } catch {
    return cutOff();
  }
}

/** The first field that cannot be read by itself. */
function problemIn(schema: DescMessage, pieces: readonly Piece[]): BanditError | undefined {
  for (const { number, field } of pieces) {
    try {
      fromBinary(schema, field);
    } catch {
      const name = schema.fields.find((one) => one.number === number)?.name ?? `field ${number}`;
      return invalidField(name, "cannot be read: its bytes are cut off or not UTF-8");
    }
  }
  return undefined;
}

/** One field of a message as it stands in the bytes. */
interface Piece {
  readonly number: number;
  /** With tag and length … */
  readonly field: Uint8Array;
  /** … and without. */
  readonly content: Uint8Array;
}

/** @throws Error when the bytes end in the middle of a field */
function piecesOf(bytes: Uint8Array): readonly Piece[] {
  const reader = new BinaryReader(bytes);
  const pieces: Piece[] = [];
  while (reader.pos < reader.len) {
    const from = reader.pos;
    const [number, wireType] = reader.tag();
    const content = reader.skip(wireType, number);
    const field = bytes.subarray(from, reader.pos);
    pieces.push({
      ...{ number, field },
      content: wireType === WireType.LengthDelimited ? withoutLength(content) : content,
    });
  }
  return pieces;
}

function withoutLength(field: Uint8Array): Uint8Array {
  const reader = new BinaryReader(field);
  const length = reader.uint32();
  return field.subarray(reader.pos, reader.pos + length);
}

function cutOff(): BanditError {
  return new BanditError("invalid_argument", "the request cannot be read: its bytes are cut off", {
    reason: "REQUEST_UNREADABLE",
  });
}
