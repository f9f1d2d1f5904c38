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

/** Makes the parser of an id. It throws BanditError invalid_argument naming `field`. */
function idParser<Id extends string>(pattern: RegExp, usualField: string, rule: string) {
  return (text: string, field = usualField): Id => {
    if (!pattern.test(text)) throw invalidField(field, rule);
    return text as Id;
  };
}

const namePattern = /^[a-z][a-z0-9_-]{0,63}$/;
const nameRule = "must be 1 to 64 characters of a-z, 0-9, _ and -, starting with a letter";

export const parseAgentType = idParser<AgentType>(namePattern, "agent_type", nameRule);
export const parseVariantName = idParser<string>(namePattern, "name", nameRule);
export const parseCodeType = idParser<CodeType>(
  /^[A-Za-z0-9][A-Za-z0-9_.:+#/-]{0,63}$/,
  "code_type",
  "must be 1 to 64 characters of A-Z, a-z, 0-9 and _ . : + # / -, starting with a letter or digit",
);
export const parseVariantId = idParser<VariantId>(
  /^[a-z][a-z0-9_-]{0,63}\/[a-z][a-z0-9_-]{0,63}@[1-9][0-9]{0,5}$/,
  "variant_id",
  "must look like <agent_type>/<name>@<version>, for example evolution/edge-cases-first@1",
);
export const parseOutcomeId = idParser<OutcomeId>(
  /^[!-~]{1,64}$/,
  "outcome_id",
  "must be 1 to 64 printable ASCII characters without spaces",
);
const parseLoweredGenerationId = idParser<GenerationId>(
  /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  "generation_id",
  "must be a UUID such as 019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b",
);

/** Upper-case digits are accepted and lowered. @throws BanditError invalid_argument naming `field`. */
export function parseGenerationId(text: string, field?: string): GenerationId {
  return parseLoweredGenerationId(text.toLowerCase(), field);
}

export function formatVariantId(parts: {
  agentType: AgentType;
  name: string;
  version: number;
}): VariantId {
  return `${parts.agentType}/${parts.name}@${parts.version}` as VariantId;
}
