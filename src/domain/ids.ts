import { invalidField } from "./errors.ts";

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** Kind of agent, e.g. `evolution`. 1–64 characters of `a-z 0-9 _ -`, starting with a letter. */
export type AgentType = Branded<"AgentType">;
/** Kind of input, e.g. `python_class`. 1–64 printable ASCII characters without space, quotes or control. */
export type CodeType = Branded<"CodeType">;
/** `<agent_type>/<name>@<version>`, e.g. `evolution/edge-cases-first@1`. Unique for ever: content never changes. */
export type VariantId = Branded<"VariantId">;
/** One task done by an agent. A UUID in lower-case canonical text; version 7 when this service made it. */
export type GenerationId = Branded<"GenerationId">;
/** One reported outcome. 1–64 printable ASCII characters without space, chosen by the reporter. */
export type OutcomeId = Branded<"OutcomeId">;

const agentTypePattern = /^[a-z][a-z0-9_-]{0,63}$/;
const codeTypePattern = /^[A-Za-z0-9][A-Za-z0-9_.:+#/-]{0,63}$/;
const variantNamePattern = /^[a-z][a-z0-9_-]{0,63}$/;
const variantIdPattern = /^[a-z][a-z0-9_-]{0,63}\/[a-z][a-z0-9_-]{0,63}@[1-9][0-9]{0,5}$/;
const generationIdPattern =
  /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const outcomeIdPattern = /^[!-~]{1,64}$/;

/** @throws BanditError invalid_argument naming `field`. */
export function parseAgentType(text: string, field = "agent_type"): AgentType {
  if (!agentTypePattern.test(text)) {
    throw invalidField(
      field,
      "must be 1 to 64 characters of a-z, 0-9, _ and -, starting with a letter",
    );
  }
  return text as AgentType;
}

/** @throws BanditError invalid_argument naming `field`. */
export function parseCodeType(text: string, field = "code_type"): CodeType {
  if (!codeTypePattern.test(text)) {
    throw invalidField(
      field,
      "must be 1 to 64 characters of A-Z, a-z, 0-9 and _ . : + # / -, starting with a letter or digit",
    );
  }
  return text as CodeType;
}

/** @throws BanditError invalid_argument naming `field`. */
export function parseVariantName(text: string, field = "name"): string {
  if (!variantNamePattern.test(text)) {
    throw invalidField(
      field,
      "must be 1 to 64 characters of a-z, 0-9, _ and -, starting with a letter",
    );
  }
  return text;
}

/** @throws BanditError invalid_argument naming `field`. */
export function parseVariantId(text: string, field = "variant_id"): VariantId {
  if (!variantIdPattern.test(text)) {
    throw invalidField(
      field,
      "must look like <agent_type>/<name>@<version>, for example evolution/edge-cases-first@1",
    );
  }
  return text as VariantId;
}

export function formatVariantId(parts: {
  agentType: AgentType;
  name: string;
  version: number;
}): VariantId {
  return `${parts.agentType}/${parts.name}@${parts.version}` as VariantId;
}

/** Upper-case digits are accepted and lowered. @throws BanditError invalid_argument naming `field`. */
export function parseGenerationId(text: string, field = "generation_id"): GenerationId {
  const lowered = text.toLowerCase();
  if (!generationIdPattern.test(lowered)) {
    throw invalidField(field, "must be a UUID such as 019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b");
  }
  return lowered as GenerationId;
}

/** @throws BanditError invalid_argument naming `field`. */
export function parseOutcomeId(text: string, field = "outcome_id"): OutcomeId {
  if (!outcomeIdPattern.test(text)) {
    throw invalidField(field, "must be 1 to 64 printable ASCII characters without spaces");
  }
  return text as OutcomeId;
}
