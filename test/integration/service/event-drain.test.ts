import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import { SqliteStateStore } from "../../../src/adapters/sqlite/sqlite-state-store.ts";
import { PrometheusTelemetry } from "../../../src/adapters/system/prometheus-telemetry.ts";
import { systemEntropy } from "../../../src/adapters/system/system-entropy.ts";
import type { EventLog } from "../../../src/ports/event-log.ts";
import { EventDrain } from "../../../src/service/events/event-drain.ts";
import { eventWriterTo } from "../../support/event-writer.ts";
import { decisionInput, silentLogger, systemClock } from "../../support/state-samples.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

test("a backlog of large rows is drained at once, not one reading each interval", async () => {
  const directory = temporaryDirectory();
  const state = await SqliteStateStore.open({ directory, clock: systemClock });
  onTestFinished(() => state.close());
  const event = { stream: "decisions", row: "x".repeat(2 ** 20 - 100) } as const;
  await Promise.all(
    Array.from({ length: 40 }, () => state.recordDecision({ ...decisionInput(), event })),
  );
  const written: number[] = [];
  const append: EventLog["append"] = async ({ rows }) => void written.push(rows.length);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const intervalMs = 1_000;
  const drain = new EventDrain({
    spilled: undefined,
    state,
    writer: eventWriterTo({ append }),
    entropy: systemEntropy,
    clock: systemClock,
    telemetry: new PrometheusTelemetry(),
    logger: silentLogger,
    intervalMs,
    rowsMax: 10_000,
  });
  drain.start();
  vi.advanceTimersByTime(intervalMs);
  // The timers stand still: what is drained from here on is drained without waiting for the next interval.
  const deadline = performance.now() + 10_000;
  while ((await state.outboxState()).entries > 0 && performance.now() < deadline) await nextTurn();
  expect((await state.outboxState()).entries).toBe(0);
  expect(written.length).toBeGreaterThanOrEqual(3);
  await drain.stop();
});
