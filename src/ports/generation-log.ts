import type { Contribution } from "../domain/contribution.ts";
import type { DecisionRecord } from "../domain/decision.ts";
import type { AgentType, CodeType, GenerationId, VariantId } from "../domain/ids.ts";
import type { ArmKey } from "./arm-totals.ts";

/** What the event log remembers of the generations that live state is made of; for putting it in order. */
export interface GenerationLog {
  /** Arms that something was learned of, ordered by agent type, code type and variant. */
  listLearnedArms(agentType?: AgentType): Promise<readonly LearnedArm[]>;

  /**
   * When the earliest decision was made that the log still has, of all agent types or of one, Unix milliseconds;
   * undefined: it has none.
   */
  findFirstDecisionMs(agentType?: AgentType): Promise<number | undefined>;

  /** The log's own clock, Unix milliseconds, by which `ingestedAtMs` is told. */
  readClockMs(): Promise<number>;

  /**
   * Generations in an order that never changes (by code type, then in the engine's order of ids), each event
   * once. What is written while pages are read may be missing.
   */
  readGenerations(input: ReadGenerationsInput): Promise<GenerationPage>;
}

export interface LearnedArm extends ArmKey {
  /** Generations that something was learned from: exact, or more where nothing of one counts any more. */
  readonly generations: number;
  /** Events that were learned from, about: an event that was inserted twice may count twice. */
  readonly events: number;
}

export interface ReadGenerationsInput {
  readonly agentType: AgentType;
  /** Absent: every one. */
  readonly codeType?: CodeType;
  /** Only decisions made from this moment on, Unix milliseconds. */
  readonly decidedFromMs?: number;
  /** Only generations with an event that reached the log from this moment on, by the log's clock. */
  readonly changedFromMs?: number;
  /** Leaves out events that were not learned from, and generations without any that was. */
  readonly learnedOnly: boolean;
  /** `next` of the page before. */
  readonly after?: LogCursor;
  /** Decisions read at most, 1 to 10,000. */
  readonly limit: number;
}

export interface LogCursor {
  readonly codeType: CodeType;
  readonly generationId: GenerationId;
}

export interface GenerationPage {
  readonly generations: readonly LoggedGeneration[];
  /** Absent: there are no more. */
  readonly next?: LogCursor;
}

export interface LoggedGeneration {
  readonly generationId: GenerationId;
  readonly agentType: AgentType;
  readonly codeType: CodeType;
  readonly variantId: VariantId;
  readonly decidedAtMs: number;
  /** Absent: the log has events of the generation, and not its decision. */
  readonly decision?: Pick<
    DecisionRecord,
    "source" | "propensity" | "allocationVersion" | "forgettingPosition" | "context" | "experiment"
  >;
  /** In the order in which they were received. */
  readonly events: readonly LoggedEvent[];
}

export interface LoggedEvent {
  /** As it stands in the ledger: `outcome:<outcome_id>`, or `generation` for the generation report. */
  readonly eventId: string;
  readonly occurredAtMs: number;
  readonly receivedAtMs: number;
  /** When it reached the log, by the log's clock; it could be read within a minute. */
  readonly ingestedAtMs: number;
  /** What was learned from it; empty when nothing was. */
  readonly contributions: readonly Contribution[];
}
