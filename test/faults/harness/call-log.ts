/** One call of one agent, attempts counted one by one. Times are `performance.now()`. */
export interface LoggedCall {
  readonly kind: "select" | "generation" | "outcome";
  readonly generationId: string;
  /** `generation`, or the id of the outcome; empty for a select. */
  readonly reportId: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly deadlineMs: number;
  /** `ok`, or the name of the gRPC status. */
  readonly status: string;
  /** Reason that the service gave with a failure, or for a degraded decision; empty: none, as when it could not be reached. */
  readonly reason: string;
  /** The answer says so: `degraded` of a decision, the status SPOOLED of a report. */
  readonly degraded: boolean;
  /** A decision of which the answer says that it was not stored. */
  readonly unrecorded: boolean;
  /** A report that the service had already. */
  readonly duplicate: boolean;
  /** When to come again, if a refusal said so. */
  readonly retryAfterMs: number | undefined;
}

/**
 * What was certainly so, or may have been so, for a while.
 * `process_down`: a service process was dead or stopped. `state_unreachable`: no replica could reach the state
 * store; every decision must say that it is degraded. `disturbed`: a decision may say so.
 */
export interface FaultWindow {
  readonly kind: "process_down" | "state_unreachable" | "disturbed";
  readonly fromMs: number;
  readonly toMs: number;
}

/** Clients find a restarted process again within so long; their pauses between tries grow. */
const reconnectMsMax = 5_000;
/** Answers are marked for so long after the end of a fault at most: a probe and what was under way. */
const recoveryMsMax = 10_000;
/** A call that took this long has waited for the state store as long as the service lets a call wait. */
const stallMsMin = 450;
/** For so long after it other decisions do without the state store. */
const stallEffectMs = 5_000;

/** Longest time in which no select was answered, from the first call to the last. Milliseconds. */
export function longestUnavailabilityMs(calls: readonly LoggedCall[]): number {
  const answered = calls
    .filter(({ kind, status }) => kind === "select" && status === "ok")
    .map(({ endMs }) => endMs)
    .sort((a, b) => a - b);
  let previous = Math.min(...calls.map(({ startMs }) => startMs));
  let longest = 0;
  for (const endMs of answered) {
    longest = Math.max(longest, endMs - previous);
    previous = endMs;
  }
  return longest;
}

/** Longest time until the service answered anything, refusals included. Milliseconds. */
export function longestAnswerMs(calls: readonly LoggedCall[]): number {
  return calls
    .filter(({ status, reason }) => status === "ok" || reason !== "")
    .reduce((longest, { startMs, endMs }) => Math.max(longest, endMs - startMs), 0);
}

/** Selects that got no answer before their deadline although every service process was up (I5). */
export function lateSelects(
  calls: readonly LoggedCall[],
  windows: readonly FaultWindow[],
): LoggedCall[] {
  const down = windows.filter(({ kind }) => kind === "process_down");
  return calls.filter(
    (call) =>
      call.kind === "select" &&
      call.status === "deadline_exceeded" &&
      !down.some(
        ({ fromMs, toMs }) => call.endMs >= fromMs && call.startMs <= toMs + reconnectMsMax,
      ),
  );
}

/** Decisions that were made while the state store was out of reach and do not say that they are degraded (I5). */
export function unmarkedSelects(
  calls: readonly LoggedCall[],
  windows: readonly FaultWindow[],
): LoggedCall[] {
  const unreachable = windows.filter(({ kind }) => kind === "state_unreachable");
  const firstAsked = new Map<string, number>();
  for (const { kind, generationId, startMs } of calls) {
    if (kind !== "select") continue;
    firstAsked.set(generationId, Math.min(firstAsked.get(generationId) ?? startMs, startMs));
  }
  return calls.filter(
    (call) =>
      call.kind === "select" &&
      call.status === "ok" &&
      !call.degraded &&
      unreachable.some(
        ({ fromMs, toMs }) =>
          call.startMs >= fromMs &&
          call.endMs <= toMs &&
          // One that was decided before the fault is known: its repeated answer needs no state store.
          (firstAsked.get(call.generationId) ?? 0) >= fromMs,
      ),
  );
}

/**
 * Decisions that say they are degraded when nothing was wrong. Where calls have waited in vain something was: a machine
 * that is loaded by other tests may stand still for longer than a call waits for the state store.
 */
export function strayMarks(
  calls: readonly LoggedCall[],
  windows: readonly FaultWindow[],
): LoggedCall[] {
  const stalled = calls.filter(({ startMs, endMs }) => endMs - startMs >= stallMsMin);
  return calls.filter(
    (call) =>
      call.degraded &&
      !windows.some(
        ({ fromMs, toMs }) => call.endMs >= fromMs && call.startMs <= toMs + recoveryMsMax,
      ) &&
      !stalled.some(
        ({ startMs, endMs }) => call.endMs >= startMs && call.startMs <= endMs + stallEffectMs,
      ),
  );
}

/** Reports that were taken as new more than once, by `<generation>/<report>`. A spooled one is not known to be new. */
export function acceptedTwice(calls: readonly LoggedCall[]): string[] {
  const accepted = new Map<string, number>();
  for (const { kind, status, degraded, duplicate, generationId, reportId } of calls) {
    if (kind === "select" || status !== "ok" || degraded || duplicate) continue;
    const name = `${generationId}/${reportId}`;
    accepted.set(name, (accepted.get(name) ?? 0) + 1);
  }
  return [...accepted].filter(([, times]) => times > 1).map(([name]) => name);
}

/** Decisions of which the answer says that they were not stored. */
export function unrecordedSelects(calls: readonly LoggedCall[]): LoggedCall[] {
  return calls.filter(({ unrecorded }) => unrecorded);
}

/** Refusals for want of room that do not say when to come again. */
export function refusalsWithoutDelay(calls: readonly LoggedCall[]): LoggedCall[] {
  return calls.filter(
    ({ status, retryAfterMs }) => status === "resource_exhausted" && retryAfterMs === undefined,
  );
}
