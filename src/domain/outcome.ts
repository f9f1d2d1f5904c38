import type { GenerationId, OutcomeId } from "./ids.ts";

/** What was learned about a generation; exactly one kind per outcome. Ranges are checked at the edge and in `service/recording/outcome-metrics.ts`. */
export type OutcomeContent =
  | {
      readonly source: "test_run";
      readonly passed: number;
      readonly failed: number;
      /** [0,1] */
      readonly coverage?: number;
      /** [0,1] */
      readonly mutationScore?: number;
    }
  | {
      readonly source: "user_rating";
      /** Each 1 to 5; at least one is given. */
      readonly coverage?: number;
      readonly quality?: number;
      readonly relevance?: number;
      readonly overall?: number;
      readonly comment: string;
      readonly userId: string;
    }
  | {
      readonly source: "user_action";
      readonly action: "accepted" | "edited" | "deleted";
      /** Share of the text that was changed, [0,1]; 0 unless edited. */
      readonly editDistance: number;
      readonly userId: string;
    }
  | {
      readonly source: "ci";
      readonly passed: boolean;
      readonly pipeline: string;
      readonly url: string;
    }
  | { readonly source: "custom"; readonly metrics: Readonly<Record<string, number>> };

export interface Outcome {
  /** Given by the reporter so that a retry is recognised; made here when absent. */
  readonly outcomeId?: OutcomeId;
  readonly generationId: GenerationId;
  /** When it happened; the time of receipt when absent. */
  readonly occurredAtMs?: number;
  readonly content: OutcomeContent;
}

/**
 * `applied`: counted. `replaced`: counted in place of an earlier value of the same component.
 * `superseded`: stored, but every component it carries already has a newer value. `duplicate`: this
 * outcome id was stored before; nothing changed. `late`: stored, arrived after the attribution window,
 * not learned from. `not_learned`: stored; the mode is not learning, no reward component uses it, or its
 * agent type has outcomes for 10,000 other code types already. `spooled`: kept on the service's disk because
 * the state store cannot be reached; becomes one of the others exactly once when it can.
 */
export type OutcomeStatus =
  | "applied"
  | "replaced"
  | "superseded"
  | "duplicate"
  | "late"
  | "not_learned"
  | "spooled";

/** What was run for a generation, reported by the agent after the task. */
export interface GenerationReport {
  readonly generationId: GenerationId;
  readonly model: string;
  readonly temperature?: number;
  readonly topP?: number;
  readonly maxTokens?: number;
  /** ≥ 0 */
  readonly durationMs?: number;
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  /** US dollars, ≥ 0 */
  readonly costUsd?: number;
  readonly testsGenerated?: number;
  /** Any digest of the input, chosen by the agent; never the code itself. */
  readonly codeHash: string;
  /** Dropped unless the operator has switched content storage on (invariant I6). */
  readonly content: string;
}
