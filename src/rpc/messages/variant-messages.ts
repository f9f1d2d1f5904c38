import type { JsonObject } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../../domain/errors.ts";
import { parseVariantId, parseVariantName } from "../../domain/ids.ts";
import { defined } from "../../domain/optional-fields.ts";
import type { Variant as DomainVariant, JsonValue } from "../../domain/variant.ts";
import type {
  NewVariant as NewVariantMessage,
  ServedVariant,
  Variant,
} from "../../gen/bandit/v1/variant_pb.ts";
import type { NewVariantBody } from "../../service/api/catalog.ts";
import { variantAuthorToProto, variantStatusToProto } from "./enums.ts";

const parameterBytesMax = 16_384;
const parameterKeysMax = 64;
const parameterKeyCharactersMax = 64;
/** Each level is three messages, and readers of the contract stop at a hundred. */
const parameterDepthMax = 32;

type Parameters = { readonly [key: string]: JsonValue };

/** A variant's content never changes, so its message is made once; a decision then only refers to it. */
const servedVariants = new WeakMap<DomainVariant, ServedVariant>();

/** The result is shared between answers: it must not be changed. */
export function servedVariantMessage(variant: DomainVariant): ServedVariant {
  const known = servedVariants.get(variant);
  if (known !== undefined) return known;
  const message: ServedVariant = {
    $typeName: "bandit.v1.ServedVariant",
    ...contentFields(variant),
  };
  servedVariants.set(variant, message);
  return message;
}

export function variantMessage(variant: DomainVariant): Variant {
  return {
    $typeName: "bandit.v1.Variant",
    ...contentFields(variant),
    agentType: variant.agentType,
    status: variantStatusToProto[variant.status],
    isBaseline: variant.isBaseline,
    description: variant.description,
    createdBy: variantAuthorToProto[variant.createdBy],
    parentId: variant.parentId,
    createdAt: timestampFromMs(variant.createdAtMs),
    updatedAt: timestampFromMs(variant.updatedAtMs),
    etag: variant.etag,
  };
}

/** @param field path of the message, for violations. */
export function parseNewVariant(message: NewVariantMessage, field: string): NewVariantBody {
  const { temperature, topP, maxTokens, parentId } = message;
  return {
    name: parseVariantName(message.name, `${field}.name`),
    description: message.description,
    content: {
      promptTemplate: message.promptTemplate,
      model: message.model,
      ...defined({ temperature, topP, maxTokens }),
      parameters: parseParameters(message.parameters ?? {}, `${field}.parameters`),
    },
    ...(parentId === undefined ? {} : { parentId: parseVariantId(parentId, `${field}.parent_id`) }),
  };
}

/** The rules over a Struct that the contract's own rules cannot say. */
function parseParameters(parameters: JsonObject, field: string): Parameters {
  const keys = Object.keys(parameters);
  if (keys.length > parameterKeysMax) {
    throw invalidField(field, `must have at most ${parameterKeysMax} keys`);
  }
  if (keys.some((key) => key.length === 0 || key.length > parameterKeyCharactersMax)) {
    throw invalidField(field, `every key must have 1 to ${parameterKeyCharactersMax} characters`);
  }
  requireKept(parameters, { path: field, depth: parameterDepthMax });
  if (Buffer.byteLength(JSON.stringify(parameters)) > parameterBytesMax) {
    throw invalidField(field, `must be at most ${parameterBytesMax} bytes as JSON`);
  }
  return parameters;
}

/** @throws BanditError invalid_argument naming what no database or no reader of the contract keeps as it is */
function requireKept(value: JsonValue, { path, depth }: { path: string; depth: number }): void {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw invalidField(path, "must be a finite number");
  } else if (typeof value === "string") {
    requireKeptText(value, path);
  } else if (typeof value === "object" && value !== null) {
    if (depth === 0) throw invalidField(path, `is nested more than ${parameterDepthMax} deep`);
    for (const [name, member] of Object.entries(value)) {
      if (!Array.isArray(value)) requireKeptText(name, `${path}: a name`);
      const at = Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`;
      requireKept(member, { path: at, depth: depth - 1 });
    }
  }
}

function requireKeptText(text: string, path: string): void {
  if (text.includes("\0")) throw invalidField(path, "must not have the character NUL");
  if (!text.isWellFormed()) throw invalidField(path, "must not have half of a surrogate pair");
}

function contentFields({ parameters, ...variant }: DomainVariant) {
  const hasParameters = Object.keys(parameters).length > 0;
  return {
    variantId: variant.id,
    name: variant.name,
    version: variant.version,
    promptTemplate: variant.promptTemplate,
    model: variant.model,
    temperature: variant.temperature,
    topP: variant.topP,
    maxTokens: variant.maxTokens,
    parameters: hasParameters ? (parameters as JsonObject) : undefined,
  };
}
