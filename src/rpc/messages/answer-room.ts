import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { BanditError } from "../../domain/errors.ts";
import type { Variant } from "../../domain/variant.ts";
import { ServedVariantSchema } from "../../gen/bandit/v1/variant_pb.ts";
import type { Page, PageRequest } from "../../service/api/page.ts";
import { servedVariantMessage } from "./variant-messages.ts";

/** Bytes of an answer's message at most: what a client of gRPC takes unless it was told otherwise. */
export const answerBytesMax = 4 * 1024 * 1024;
/** Bytes of one item of a batch at most, without its variant: also an error with its violations. */
export const itemBytesMax = 4096;
/** Kept back for the fields around the counted ones. */
export const frameBytes = 16 * 1024;

const variantBytes = new WeakMap<Variant, number>();

/** The room for variants in the answer to a batch of decisions. */
export class VariantRoom {
  #left: number;

  constructor(items: number) {
    this.#left = answerBytesMax - frameBytes - items * itemBytesMax;
  }

  /** @returns takes the room that one item's variant needs, in place of what it took before, or throws. */
  forItem(): (variant: Variant) => void {
    let taken = 0;
    return (variant) => {
      const needed = bytesOfVariant(variant) - taken;
      if (needed > this.#left) throw answerFull();
      this.#left -= needed;
      taken += needed;
    };
  }
}

/** How many of the items, from the first on, one answer holds beside `othersBytes`. */
export function fittingItems<Item>(
  items: readonly Item[],
  bytesOf: (item: Item) => number,
  othersBytes = 0,
): number {
  let left = answerBytesMax - frameBytes - othersBytes;
  const tooMuch = items.findIndex((item) => {
    left -= bytesOf(item);
    return left < 0;
  });
  return tooMuch === -1 ? items.length : tooMuch;
}

/** The same of messages; the first one always: none is nearly as large. */
export function fittingCount<Desc extends DescMessage>(
  schema: Desc,
  messages: readonly MessageShape<Desc>[],
  othersBytes = 0,
): number {
  const bytesOf = (message: MessageShape<Desc>) => toBinary(schema, message).length + lengthBytes;
  return Math.min(Math.max(fittingItems(messages, bytesOf, othersBytes), 1), messages.length);
}

/** Tag and length of a message in a list. */
const lengthBytes = 6;

/** A page as messages: shorter than was asked for when its bytes would be more than an answer holds. */
export async function readPage<Desc extends DescMessage, Item, More extends Page<Item>>(
  schema: Desc,
  request: PageRequest,
  {
    list,
    message,
  }: {
    readonly list: (request: PageRequest) => Promise<More>;
    readonly message: (item: Item) => MessageShape<Desc>;
  },
): Promise<{ readonly page: More; readonly messages: MessageShape<Desc>[] }> {
  const page = await list(request);
  const messages = page.items.map(message);
  const pageSize = fittingCount(schema, messages);
  if (pageSize === messages.length) return { page, messages };
  return readPage(schema, { ...request, pageSize }, { list, message });
}

function bytesOfVariant(variant: Variant): number {
  let bytes = variantBytes.get(variant);
  if (bytes === undefined) {
    bytes = toBinary(ServedVariantSchema, servedVariantMessage(variant)).length;
    variantBytes.set(variant, bytes);
  }
  return bytes;
}

function answerFull(): BanditError {
  return new BanditError(
    "resource_exhausted",
    `the answer to this batch would have more than ${answerBytesMax} bytes; no new decision was made for this item: ` +
      "send it again in a smaller batch",
    { reason: "ANSWER_FULL" },
  );
}
