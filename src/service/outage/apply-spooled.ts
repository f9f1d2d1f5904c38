import type { DeadlineTimers } from "../../concurrency/deadline-timers.ts";
import { beforeMoment } from "../../concurrency/in-time.ts";
import type { DecisionRecord } from "../../domain/decision.ts";
import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { RecentDecisions } from "../deciding/recent-decisions.ts";
import type { OutboxWatch } from "../events/outbox-watch.ts";
import type { RecordGeneration } from "../recording/record-generation.ts";
import type { RecordOutcome } from "../recording/record-outcome.ts";
import { decodeSpooled, type SpooledDecision, type SpooledRecord } from "./spooled-record.ts";
import type { StateGuard } from "./state-guard.ts";

export interface ApplySpooledOptions {
  readonly state: StateStore;
  readonly guard: StateGuard;
  readonly outcomes: RecordOutcome;
  readonly generations: RecordGeneration;
  readonly outbox: OutboxWatch;
  readonly recent: RecentDecisions;
  readonly timers: DeadlineTimers;
  readonly clock: Clock;
}

/** `duplicate`: it was stored before. */
export type AppliedResult = "applied" | "duplicate";

/** Nothing that one record waits for keeps the others waiting longer. */
const timeoutMs = 5_000;
/** A decision that has waited for long is kept for as long as its spooled reports may need to find it. */
const ttlSecondsMin = 120;

/** Does what a spooled record says, exactly once however often it is asked to: see {@link SpoolReplay}. */
export class ApplySpooled {
  readonly #options: ApplySpooledOptions;

  constructor(options: ApplySpooledOptions) {
    this.#options = options;
  }

  /**
   * @throws BanditError; GENERATION_DECIDED_TWICE for a decision when another one was stored before; retryable or
   * `deadline_exceeded` when it cannot be told yet what becomes of the record.
   */
  execute(
    record: SpooledRecord,
    { askEventLog = true }: { readonly askEventLog?: boolean } = {},
  ): Promise<AppliedResult> {
    const { timers, clock } = this.#options;
    return beforeMoment(this.#apply(record, askEventLog), {
      timers,
      atMs: clock.monotonicMs() + timeoutMs,
      what: "applying a spooled record",
    });
  }

  /** {@link execute} for the text of a dead letter. */
  executeText(text: string): Promise<AppliedResult> {
    return this.execute(decodeSpooled(text));
  }

  async #apply(record: SpooledRecord, askEventLog: boolean): Promise<AppliedResult> {
    const { outcomes, generations } = this.#options;
    const terms = { wasSpooled: true, askEventLog };
    switch (record.kind) {
      case "decision":
        return this.#applyDecision(record.decision, record.spooledAtMs);
      case "outcome": {
        const status = await outcomes.book(record.outcome, terms);
        return status === "duplicate" ? "duplicate" : "applied";
      }
      case "generation": {
        const status = await generations.book(record.generation, terms);
        return status === "duplicate" ? "duplicate" : "applied";
      }
    }
  }

  async #applyDecision(decision: SpooledDecision, spooledAtMs: number): Promise<AppliedResult> {
    const { state, guard, recent, clock } = this.#options;
    const { record, row } = decision;
    this.#options.outbox.requireRoomForDecision();
    const waitedSeconds = Math.max(Math.floor((clock.nowMs() - spooledAtMs) / 1000), 0);
    const ttlSeconds = Math.max(decision.ttlSeconds - waitedSeconds, ttlSecondsMin);
    const event = { stream: "decisions", row } as const;
    const earlier = await guard.call(() => state.recordDecision({ record, event, ttlSeconds }));
    if (earlier === undefined) return "applied";
    if (isSameDecision(earlier, record)) return "duplicate";
    // Reports from now on count for the decision that stays.
    recent.add(earlier);
    throw new BanditError(
      "already_exists",
      `generation ${record.generationId} was decided twice: ${earlier.variantId} was stored first and stays, ` +
        `${record.variantId} was answered by a replica that could not reach the state store`,
      { reason: "GENERATION_DECIDED_TWICE", metadata: { generation_id: record.generationId } },
    );
  }
}

function isSameDecision(a: DecisionRecord, b: DecisionRecord): boolean {
  return (
    a.variantId === b.variantId &&
    a.decidedAtMs === b.decidedAtMs &&
    a.codeType === b.codeType &&
    a.allocationVersion === b.allocationVersion
  );
}
