import { expect, test } from "vitest";
import { DeadlineTimers } from "../../../../src/concurrency/deadline-timers.ts";
import type { EventLog, QueryInput } from "../../../../src/ports/event-log.ts";
import type { CallContext } from "../../../../src/service/api/call-context.ts";
import type { QueryRequest } from "../../../../src/service/api/insight.ts";
import type { EventDrain } from "../../../../src/service/events/event-drain.ts";
import { queryEvents } from "../../../../src/service/insight/query-events.ts";

type CallOf = [request: QueryRequest, context: CallContext];

const nowMs = 1_763_856_000_000;

function openQueries(flush: () => Promise<void> = async () => undefined, monotonicMs = () => 0) {
  const seen: QueryInput[] = [];
  const eventLog = {
    query: async (input: QueryInput) => {
      seen.push(input);
      return { columns: [], rows: [], truncated: false, elapsedMs: 0 };
    },
  } as unknown as EventLog;
  const clock = { nowMs: () => nowMs, monotonicMs };
  const timers = new DeadlineTimers(clock);
  const drain = { flush } as EventDrain;
  const deps = { eventLog, drain, clock, timers };
  return { seen, query: (...call: CallOf) => queryEvents(deps, ...call) };
}

const request = { sql: "SELECT 1", rowsMax: 10, timeoutMs: 30_000, fresh: true };

test("a query runs no longer than its own timeout or its caller's deadline, whichever is less", async () => {
  const { seen, query } = openQueries();
  const { signal } = new AbortController();
  const deadlines = [undefined, nowMs + 60_000, nowMs + 2_000, nowMs + 5, nowMs - 1];
  for (const deadlineMs of deadlines) {
    const context = { signal, actor: "test", ...(deadlineMs === undefined ? {} : { deadlineMs }) };
    await query({ ...request, fresh: false }, context);
  }
  expect(seen.map(({ timeoutMs }) => timeoutMs)).toEqual([30_000, 30_000, 1_995, 2, 1]);
  expect(seen.every((input) => input.signal === signal)).toBe(true);
});

test("a caller with a deadline does not wait longer for events that are under way, and no query is run", async () => {
  const { seen, query } = openQueries(
    () => new Promise(() => undefined),
    () => performance.now(),
  );
  const context = {
    signal: new AbortController().signal,
    actor: "test",
    deadlineMs: nowMs + 20,
  };
  await expect(query(request, context)).rejects.toMatchObject({
    code: "deadline_exceeded",
  });
  expect(seen).toEqual([]);
});
