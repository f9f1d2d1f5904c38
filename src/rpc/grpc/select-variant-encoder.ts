import { toBinary } from "@bufbuild/protobuf";
import {
  type SelectVariantResponse,
  SelectVariantResponseSchema,
} from "../../gen/bandit/v1/decision_service_pb.ts";
import { type ServedVariant, ServedVariantSchema } from "../../gen/bandit/v1/variant_pb.ts";

const generationIdLength = 36;
const allocationVersionLength = 16;

// Tags: field number × 8 + wire type (0 varint, 1 eight bytes, 2 length and bytes).
const generationIdTag = 0x0a;
const variantTag = 0x12;
const sourceTag = 0x18;
const propensityTag = 0x21;
const allocationVersionTag = 0x2a;

const variantFields = new WeakMap<ServedVariant, Buffer>();

/**
 * Encodes the one answer that is given ten thousand times a second. An ordinary decision is written by
 * hand, around the variant's bytes, which are made once; any other goes through the generated codec.
 * The bytes are the same either way (a test holds them together).
 *
 * Measured on Node 24 with a template of 1,500 characters: 0.6 µs, the generated codec 7.7 µs.
 */
export function encodeSelectVariantResponse(message: SelectVariantResponse): Buffer {
  const { variant } = message;
  if (variant === undefined || !isOrdinary(message)) {
    const bytes = toBinary(SelectVariantResponseSchema, message);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  const variantBytes = variantField(variant);
  const buffer = Buffer.allocUnsafe(
    2 + generationIdLength + variantBytes.length + 2 + 9 + 2 + allocationVersionLength,
  );
  buffer[0] = generationIdTag;
  buffer[1] = generationIdLength;
  let at = 2 + buffer.write(message.generationId, 2, generationIdLength, "latin1");
  at += variantBytes.copy(buffer, at);
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

/** Tag, length and content of the field `variant`. */
function variantField(variant: ServedVariant): Buffer {
  const known = variantFields.get(variant);
  if (known !== undefined) return known;
  const content = toBinary(ServedVariantSchema, variant);
  const head = [variantTag];
  let length = content.length;
  while (length > 127) {
    head.push((length & 127) | 128);
    length >>>= 7;
  }
  head.push(length);
  const field = Buffer.concat([Buffer.from(head), content]);
  variantFields.set(variant, field);
  return field;
}
