import type { AgentType, VariantId } from "./ids.ts";

/**
 * `draft` is served to nobody; `candidate` gets experiment traffic only; `active` is in the bandit's
 * pool; `retired` is served to nobody for ever. Exactly one active variant of an agent type is its baseline.
 */
export type VariantStatus = "draft" | "candidate" | "active" | "retired";
export type VariantAuthor = "human" | "llm_optimized";
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** What an agent runs. Never changes once stored: new content is a new version with a new id. */
export interface VariantContent {
  /** Text with `{{variable}}` places. 1 to 65,536 characters. */
  readonly promptTemplate: string;
  /** Model name as the agent's own LLM client knows it; empty leaves the choice to the agent. */
  readonly model: string;
  /** 0 to 2; absent leaves the model's default. */
  readonly temperature?: number;
  /** Above 0 up to 1; absent leaves the model's default. */
  readonly topP?: number;
  /** Tokens; at least 1; absent leaves the model's default. */
  readonly maxTokens?: number;
  /** Anything else the agent wants to vary, at most 16 KiB as JSON. */
  readonly parameters: { readonly [key: string]: JsonValue };
}

/** An arm of the bandit. */
export interface Variant extends VariantContent {
  readonly id: VariantId;
  readonly agentType: AgentType;
  readonly name: string;
  /** 1, 2, 3, … within (agent type, name). */
  readonly version: number;
  readonly status: VariantStatus;
  readonly isBaseline: boolean;
  readonly description: string;
  readonly createdBy: VariantAuthor;
  readonly parentId?: VariantId;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Changes with every change of the variant's status. */
  readonly etag: string;
}
