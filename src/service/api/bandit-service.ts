import type { ArmPosterior } from "../../bandit/arm-posterior.ts";
import type { DecisionSource } from "../../domain/decision.ts";
import type { AgentType, CodeType, GenerationId, OutcomeId, VariantId } from "../../domain/ids.ts";
import type { GenerationReport, Outcome, OutcomeStatus } from "../../domain/outcome.ts";
import type { Mode, Policy, PolicyRecord } from "../../domain/policy.ts";
import type { Variant, VariantContent, VariantStatus } from "../../domain/variant.ts";
import type { DeadLetter, DeadLetterKind, DeadLetterSummary } from "../../ports/dead-letters.ts";
import type { GenerationHistory, QueryResult } from "../../ports/event-log.ts";
import type { RewardChange } from "../posteriors/reward-changes.ts";
import type { RebuildRequest, RebuildStep } from "../rebuild/rebuild-step.ts";

/** What the transport knows about a call besides its request. */
export interface CallContext {
  /** Unix milliseconds after which nobody waits for the answer; absent: no deadline. */
  readonly deadlineMs?: number;
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal;
  /** Who calls, for the audit log: `rpc:<peer address>`. */
  readonly actor: string;
}

/**
 * The online and administrative use cases, as every transport sees them. Each method rejects with a
 * BanditError only; anything else is a bug. Validation that the contract expresses (lengths, ranges,
 * formats) has happened at the edge; the rules that need the catalogue are checked here.
 */
export interface BanditService {
  selectVariant(request: SelectRequest, context: CallContext): Promise<Decision>;
  recordGeneration(report: GenerationReport, context: CallContext): Promise<RecordResult>;
  recordOutcome(outcome: Outcome, context: CallContext): Promise<OutcomeResult>;
  getAllocation(request: AllocationRequest, context: CallContext): Promise<AllocationView>;

  createAgentType(request: NewAgentType, context: CallContext): Promise<AgentTypeView>;
  getAgentType(agentType: AgentType): Promise<AgentTypeView>;
  listAgentTypes(page: PageRequest): Promise<Page<AgentTypeView>>;
  /** The policy in force for the code type; `record.codeType` is absent where no override exists. */
  getPolicy(request: { agentType: AgentType; codeType?: CodeType }): Promise<PolicyRecord>;
  setPolicy(request: SetPolicyRequest, context: CallContext): Promise<PolicyRecord>;
  deletePolicy(
    request: { agentType: AgentType; codeType: CodeType },
    context: CallContext,
  ): Promise<void>;
  createVariant(request: NewVariantRequest, context: CallContext): Promise<Variant>;
  getVariant(variantId: VariantId): Promise<Variant>;
  listVariants(
    request: PageRequest & { agentType?: AgentType; statuses: readonly VariantStatus[] },
  ): Promise<Page<Variant>>;
  promoteVariant(
    request: { variantId: VariantId; makeBaseline: boolean; etag?: string; validateOnly: boolean },
    context: CallContext,
  ): Promise<Variant>;
  retireVariant(
    request: { variantId: VariantId; etag?: string; validateOnly: boolean },
    context: CallContext,
  ): Promise<Variant>;
  getMode(): Promise<ModeView>;
  setMode(
    request: { agentType?: AgentType; mode: Mode; reason: string },
    context: CallContext,
  ): Promise<ModeView>;

  /** Waits for the event log when the generation is known but not logged yet. @throws not_found */
  explainGeneration(generationId: GenerationId, context: CallContext): Promise<Explanation>;
  /** `fresh`: first waits until everything acknowledged before this call is in the event log. */
  query(request: QueryRequest, context: CallContext): Promise<QueryResult>;
  info(): ServiceInfo;

  listDeadLetters(
    request: PageRequest & { kind?: DeadLetterKind },
  ): Promise<Page<DeadLetterSummary> & { total: number }>;
  /** @throws not_found */
  getDeadLetter(id: string): Promise<DeadLetter>;
  /** Empty: the first 1,000 by id. */
  replayDeadLetters(ids: readonly string[], context: CallContext): Promise<ReplayedLetters>;
  dropDeadLetters(
    ids: readonly string[],
    context: CallContext,
  ): Promise<{ dropped: number; unknownIds: readonly string[] }>;

  /** Ends with a summary. @throws failed_precondition while one is running in this process */
  rebuild(request: RebuildRequest, context: CallContext): AsyncIterable<RebuildStep>;
}

export interface SelectRequest {
  readonly agentType: AgentType;
  readonly codeType: CodeType;
  readonly agentId: string;
  readonly conversationId: string;
  /** Makes the call idempotent: the same id always gets the same answer. */
  readonly generationId?: GenerationId;
  readonly features: Readonly<Record<string, number>>;
  /** Empty: every arm of the pool. */
  readonly allowedVariantIds: readonly VariantId[];
}

export interface Decision {
  readonly generationId: GenerationId;
  readonly variant: Variant;
  readonly source: DecisionSource;
  readonly propensity: number;
  readonly allocationVersion: string;
  /** Empty when the decision belongs to no experiment. */
  readonly experimentId: string;
  readonly experimentArm: string;
  readonly degraded: boolean;
  readonly degradedReason: string;
}

/**
 * `recorded`: stored; `duplicate`: the generation was reported before, nothing changed; `late`: stored, not learned
 * from; `spooled`: kept on disk until the state store can be reached, see {@link OutcomeStatus}.
 */
export interface RecordResult {
  readonly status: "recorded" | "duplicate" | "late" | "spooled";
}

export interface OutcomeResult {
  readonly outcomeId: OutcomeId;
  readonly status: OutcomeStatus;
}

export interface AllocationRequest {
  readonly agentType: AgentType;
  readonly codeType: CodeType;
  /** Of account for contextual policies only. */
  readonly features: Readonly<Record<string, number>>;
}

export interface AllocationView {
  readonly agentType: AgentType;
  readonly codeType: CodeType;
  readonly version: string;
  readonly mode: Mode;
  readonly algorithm: Policy["algorithm"];
  readonly computedAtMs: number;
  /** Half-lives that have passed for the agent type. */
  readonly forgettingPosition: number;
  /** Of the agent type's mean reward. Absent: none noticed. */
  readonly change?: RewardChange;
  readonly arms: readonly ArmView[];
}

export interface ArmView extends ArmPosterior {
  readonly name: string;
  readonly isBaseline: boolean;
  /** Probability with which this arm is served right now, holdout included. */
  readonly share: number;
  /** Prior learned from other code types. Absent: the policy's own. */
  readonly sharedPrior?: { readonly alpha: number; readonly beta: number };
  readonly change?: RewardChange;
}

export interface PageRequest {
  /** 1 to 1000. */
  readonly pageSize: number;
  /** Empty: the first page. */
  readonly pageToken: string;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Empty: no more. */
  readonly nextPageToken: string;
}

export interface AgentTypeView {
  readonly agentType: AgentType;
  readonly description: string;
  readonly mode: Mode;
  readonly baselineVariantId: VariantId;
  readonly activeVariants: number;
  readonly createdAtMs: number;
}

export interface NewAgentType {
  readonly agentType: AgentType;
  readonly description: string;
  /** Absent: the default policy. */
  readonly policy?: Policy;
  /** Each becomes active; the first one the baseline. */
  readonly variants: readonly [NewVariantBody, ...NewVariantBody[]];
}

export interface NewVariantBody {
  readonly name: string;
  readonly description: string;
  readonly content: VariantContent;
  readonly parentId?: VariantId;
}

export interface NewVariantRequest extends NewVariantBody {
  readonly agentType: AgentType;
  /** draft, candidate or active. */
  readonly status: VariantStatus;
  readonly validateOnly: boolean;
}

export interface SetPolicyRequest {
  readonly agentType: AgentType;
  readonly codeType?: CodeType;
  readonly policy: Policy;
  readonly etag?: string;
  readonly validateOnly: boolean;
}

export interface ModeView {
  readonly serviceMode: Mode;
  readonly agentTypes: readonly { readonly agentType: AgentType; readonly mode: Mode }[];
}

export interface QueryRequest {
  readonly sql: string;
  /** 1 to 100,000. */
  readonly rowsMax: number;
  /** 1 to 300,000. */
  readonly timeoutMs: number;
  readonly fresh: boolean;
}

export interface Explanation {
  readonly history: GenerationHistory;
  /** The uniform number in [0,1) that the id hashes to. */
  readonly draw: number;
  /** Cumulative probabilities: arm i is served when draw < upper[i] and draw ≥ upper[i − 1]. */
  readonly arms: readonly {
    readonly variantId: string;
    readonly probability: number;
    readonly upper: number;
  }[];
  /** The arm that the draw gives, derived anew. */
  readonly rederivedVariantId: string;
  /** True when that is the arm that was served. */
  readonly consistent: boolean;
  /** Reward of the generation from its learned outcomes, and the weight it has; absent when nothing was learned. */
  readonly reward?: { readonly value: number; readonly weight: number };
}

/** What became of letters that were tried again. */
export interface ReplayedLetters {
  readonly replayed: number;
  /** With the new error and one attempt more. */
  readonly refused: readonly DeadLetterSummary[];
  readonly unknownIds: readonly string[];
  /** Dead letters that are left, of every kind. */
  readonly remaining: number;
}

export interface ServiceInfo {
  readonly version: string;
  readonly engines: { readonly state: string; readonly catalogue: string; readonly events: string };
  readonly dataDirectory: string;
  readonly startedAtMs: number;
}
