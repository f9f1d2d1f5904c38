import { create, toBinary } from "@bufbuild/protobuf";
import {
  type SelectVariantResponse,
  SelectVariantResponseSchema,
} from "../../gen/bandit/v1/decision_service_pb.ts";
import type { ServedVariant } from "../../gen/bandit/v1/variant_pb.ts";

const generationIdLength = 36;
const allocationVersionLength = 16;

// Tags: field number × 8 + wire type (0 varint, 1 eight bytes, 2 length and bytes).
const generationIdTag = 0x0a;
const sourceTag = 0x18;
const propensityTag = 0x21;
const allocationVersionTag = 0x2a;

const variantFields = new WeakMap<ServedVariant, Uint8Array>();

/**
 * Encodes the one answer that is given ten thousand times a second. The variant's bytes are made once. Of an ordinary
 * decision the rest is written by hand; of any other the generated codec writes it, and the variant's bytes follow:
 * the fields of a message may come in any order.
 *
 * Measured on Node 24 with a template of 1,500 characters, each beside the others: by hand 1.0 µs; with the rest by the
 * generated codec 2.8 µs, whatever is in it; all of it by the generated codec 8.4 µs. That is why ordinary decisions
 * keep a way of their own.
 */
export function encodeSelectVariantResponse(message: SelectVariantResponse): Buffer {
  const { variant } = message;
  if (variant === undefined) return Buffer.from(toBinary(SelectVariantResponseSchema, message));
  if (!isOrdinary(message)) {
    const rest = toBinary(SelectVariantResponseSchema, { ...message, variant: undefined });
    return Buffer.concat([rest, variantField(variant)]);
  }
  const variantBytes = variantField(variant);
  const buffer = Buffer.allocUnsafe(
    2 + generationIdLength + variantBytes.length + 2 + 9 + 2 + allocationVersionLength,
  );
  buffer[0] = generationIdTag;
  buffer[1] = generationIdLength;
  let at = 2 + buffer.write(message.generationId, 2, generationIdLength, "latin1");
  buffer.set(variantBytes, at);
  at += variantBytes.length;
  buffer[at] = sourceTag;
  buffer[at + 1] = message.source;
  buffer[at + 2] = propensityTag;
  at = buffer.writeDoubleLE(message.propensity, at + 3);
  buffer[at] = allocationVersionTag;
  buffer[at + 1] = allocationVersionLength;
  buffer.write(message.allocationVersion, at + 2, allocationVersionLength, "latin1");
  return buffer;
}

/** No experiment, not degraded, no patterns, and every other field set to a value of its usual form. */
function isOrdinary(message: SelectVariantResponse): boolean {
  return (
    message.experimentId === "" &&
    message.experimentArm === "" &&
    !message.degraded &&
    message.degradedReason === "" &&
    message.patterns.length === 0 &&
    message.$unknown === undefined &&
    message.source > 0 &&
    message.source < 128 &&
    message.propensity > 0 &&
    message.generationId.length === generationIdLength &&
    message.allocationVersion.length === allocationVersionLength
  );
}

/** The field `variant` as it stands in an answer. */
function variantField(variant: ServedVariant): Uint8Array {
  let field = variantFields.get(variant);
  if (field === undefined) {
    field = toBinary(SelectVariantResponseSchema, create(SelectVariantResponseSchema, { variant }));
    variantFields.set(variant, field);
  }
  return field;
}
