import type { AgentType, CodeType, VariantId } from "../domain/ids.ts";
import type { Mode, Policy, PolicyRecord } from "../domain/policy.ts";
import type { Variant, VariantAuthor, VariantContent, VariantStatus } from "../domain/variant.ts";

/**
 * Agent types, policies, variants and modes. Small, read whole, changed rarely.
 *
 * Rejects with a {@link BanditError}: `not_found`, `already_exists`, `aborted` (an etag did not match:
 * somebody else was faster), `unavailable`. Every write is one transaction that also writes the audit
 * log and advances the revision. Rules such as "a retired variant stays retired" are the service's.
 */
export interface Catalogue {
  /** Everything, consistent. */
  load(): Promise<CatalogueSnapshot>;

  /**
   * Calls `listener` within a second after any process has changed the catalogue, this one included.
   * @returns a function that stops the calls.
   */
  onChange(listener: () => void): () => void;

  /** Since when changes made by other processes cannot be seen, Unix milliseconds; undefined while they can be, and without listeners. */
  readonly notFollowedSinceMs: number | undefined;

  /** Creates the agent type, its policy and its first variants together. @throws already_exists */
  createAgentType(input: CreateAgentTypeInput, actor: Actor): Promise<AgentTypeRecord>;

  /** Sets the policy of an agent type or, with `codeType`, of one code type. @throws not_found, aborted */
  putPolicy(input: PutPolicyInput, actor: Actor): Promise<PolicyRecord>;

  /** Removes the override of one code type. @throws not_found */
  deletePolicy(input: { agentType: AgentType; codeType: CodeType }, actor: Actor): Promise<void>;

  /**
   * Stores a variant as the next version of its name.
   * @throws not_found for the agent type or the parent; failed_precondition (`TOO_MANY_ACTIVE_VARIANTS`), as every
   * method that makes a variant active
   */
  createVariant(input: CreateVariantInput, actor: Actor): Promise<Variant>;

  /**
   * Changes variants of one agent type, all or none: those that `decide` names when it is shown how things are, while
   * nobody else can change them. It may throw.
   * @returns the variant as it is then
   * @throws not_found, aborted when `etag` is given and is not the variant's
   */
  changeVariant(
    input: { variantId: VariantId; etag?: string },
    decide: (now: { variant: Variant; baseline: Variant }) => readonly VariantChange[],
    actor: Actor,
  ): Promise<Variant>;

  /** `agentType` absent: the mode of the whole service. @throws not_found */
  setMode(
    input: { agentType?: AgentType; mode: Mode; reason: string },
    actor: Actor,
  ): Promise<void>;

  ping(): Promise<void>;

  /** Idempotent. */
  close(): Promise<void>;
}

/** Who did it and why the audit log may believe it. */
export interface Actor {
  /** e.g. `cli`, `seed`, `replay`, `rpc:127.0.0.1`. 1 to 128 characters. */
  readonly name: string;
  /**
   * True: everything is checked and done, and undone at the end, so that nothing has changed. What is returned would
   * have been stored; its etag is empty.
   */
  readonly dryRun?: boolean | undefined;
}

export interface AgentTypeRecord {
  readonly agentType: AgentType;
  readonly description: string;
  readonly mode: Mode;
  /** When its own mode, or the service's, became what it is: the later of the two. 0: it has always been that. */
  readonly modeSinceMs: number;
  readonly createdAtMs: number;
}

export interface CatalogueSnapshot {
  /** Grows with every write. */
  readonly revision: number;
  readonly serviceMode: Mode;
  readonly agentTypes: readonly AgentTypeRecord[];
  readonly policies: readonly PolicyRecord[];
  /** Ordered by id; retired ones included. */
  readonly variants: readonly Variant[];
}

export interface NewVariant {
  readonly name: string;
  readonly description: string;
  readonly content: VariantContent;
  readonly createdBy: VariantAuthor;
  readonly parentId?: VariantId;
  readonly status: VariantStatus;
}

export interface CreateAgentTypeInput {
  /** Agent types at which this one is refused (`TOO_MANY_AGENT_TYPES`), counted while nobody else can create any. Absent: no bound. */
  readonly agentTypesMax?: number;
  readonly agentType: AgentType;
  readonly description: string;
  readonly policy: Policy;
  /** At least one; the first becomes the baseline and must be active. */
  readonly variants: readonly [NewVariant, ...NewVariant[]];
}

export interface PutPolicyInput {
  readonly agentType: AgentType;
  readonly codeType?: CodeType;
  readonly policy: Policy;
  /** When given, the policy in force must have this etag. */
  readonly etag?: string;
}

export interface CreateVariantInput extends NewVariant {
  readonly agentType: AgentType;
}

export interface VariantChange {
  readonly variantId: VariantId;
  readonly status: VariantStatus;
  readonly isBaseline: boolean;
}
