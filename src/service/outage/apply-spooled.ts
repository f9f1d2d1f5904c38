import type { DeadlineTimers } from "../../concurrency/deadline-timers.ts";
import { beforeMoment } from "../../concurrency/in-time.ts";
import type { DecisionRecord } from "../../domain/decision.ts";
import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { UnstoredDecision } from "../deciding/decision-spool.ts";
import type { OutboxBound } from "../events/outbox-bound.ts";
import type { RecentDecisions } from "../recording/recent-decisions.ts";
import type { BookingTerms, ReportBooking } from "../recording/report-booking.ts";
import type { OnlineState } from "../state/online-state.ts";
import type { SpooledRecord } from "./spooled-record.ts";

export interface ApplySpooledDependencies {
  readonly online: OnlineState;
  readonly booking: ReportBooking;
  readonly outbox: OutboxBound;
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

/**
 * Does what a spooled record says, exactly once however often it is asked to: see {@link SpoolDrain}.
 * @throws BanditError; GENERATION_DECIDED_TWICE for a decision when another one was stored before; retryable or
 * `deadline_exceeded` when it cannot be told yet what becomes of the record.
 */
export function applySpooled(
  deps: ApplySpooledDependencies,
  record: SpooledRecord,
  terms: Pick<BookingTerms, "askEventLog"> = {},
): Promise<AppliedResult> {
  const { timers, clock } = deps;
  const work =
    record.kind === "decision"
      ? applyDecision(deps, record.decision, record.spooledAtMs)
      : applyReport(deps, record, terms);
  const atMs = clock.monotonicMs() + timeoutMs;
  return beforeMoment(work, { timers, atMs, what: "applying a spooled record" });
}

async function applyReport(
  { booking }: ApplySpooledDependencies,
  record: Exclude<SpooledRecord, { kind: "decision" }>,
  terms: BookingTerms,
): Promise<AppliedResult> {
  const { status } = await booking.book(record, { ...terms, wasSpooled: true });
  return status === "duplicate" ? "duplicate" : "applied";
}

async function applyDecision(
  { online, outbox, recent, clock }: ApplySpooledDependencies,
  decision: UnstoredDecision,
  spooledAtMs: number,
): Promise<AppliedResult> {
  const { record, row } = decision;
  outbox.requireRoomForDecision();
  const waitedSeconds = Math.max(Math.floor((clock.nowMs() - spooledAtMs) / 1000), 0);
  const ttlSeconds = Math.max(decision.ttlSeconds - waitedSeconds, ttlSecondsMin);
  const event = { stream: "decisions", row } as const;
  const earlier = await online.recordDecision({ record, event, ttlSeconds });
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

function isSameDecision(a: DecisionRecord, b: DecisionRecord): boolean {
  return (
    a.variantId === b.variantId &&
    a.decidedAtMs === b.decidedAtMs &&
    a.codeType === b.codeType &&
    a.allocationVersion === b.allocationVersion
  );
}
