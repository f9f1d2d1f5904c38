import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { connectClickHouseEventLog } from "../../../src/adapters/clickhouse/open-event-log.ts";
import { PrometheusTelemetry } from "../../../src/adapters/system/prometheus-telemetry.ts";
import { systemEntropy } from "../../../src/adapters/system/system-entropy.ts";
import type { OutboxBatch, StateStore } from "../../../src/ports/state-store.ts";
import { appendsOf } from "../../../src/service/events/event-appends.ts";
import { EventDrain } from "../../../src/service/events/event-drain.ts";
import { sampleDecision, sampleGeneration } from "../../support/clickhouse-event-samples.ts";
import { type ClickHouseFront, startClickHouseFront } from "../../support/clickhouse-front.ts";
import { eventWriterTo } from "../../support/event-writer.ts";
import { firstLine, startProgram } from "../../support/program.ts";
import { type RunningRedis, startRedis } from "../../support/redis.ts";
import {
  book,
  decisionInput,
  newGenerationId,
  silentLogger,
  systemClock,
} from "../../support/state-samples.ts";
import { openRedisState } from "../../support/state-stores.ts";

const rowsOfEach = 300;

let front: ClickHouseFront;
let redis: RunningRedis;
let databases = 0;
let database: string;

beforeAll(async () => {
  [front, redis] = await Promise.all([startClickHouseFront(), startRedis()]);
});
afterAll(async () => {
  await Promise.all([front.stop(), redis.stop()]);
});
beforeEach(async () => {
  databases += 1;
  database = `takeover_${databases}`;
  const { eventLog, migrator } = connectEventLog();
  await migrator.migrate();
  await eventLog.close();
  // Merges would hide what was inserted twice.
  for (const table of ["decisions", "generations"]) {
    await front.command(`SYSTEM STOP MERGES ${database}.${table}`);
  }
});

function connectEventLog() {
  return connectClickHouseEventLog({
    url: `${front.url}/${database}`,
    clock: systemClock,
    logger: silentLogger,
  });
}

const openState = (consumer: string) => openRedisState(redis.url, { consumer, claimIdleMs: 100 });

async function fill(state: StateStore): Promise<void> {
  await Promise.all(
    Array.from({ length: rowsOfEach }, async () => {
      const input = decisionInput();
      const generation_id = input.record.generationId;
      const row = JSON.stringify(sampleDecision({ generation_id }));
      await state.recordDecision({ ...input, event: { stream: "decisions", row } });
      const generation = JSON.stringify(sampleGeneration({ generation_id }));
      const event = { stream: "generations", row: generation } as const;
      await book(state, { generationId: generation_id, contributions: [], event });
    }),
  );
}

/** Runs a process that inserts everything, and kills it before it confirms. */
async function insertAndDie(): Promise<void> {
  const inserter = startProgram("outbox-inserter", [redis.url, `${front.url}/${database}`]);
  expect(await firstLine(inserter)).toBe("inserted");
  await inserter.kill();
}

/** Takes over what the dead process has left and inserts it once more. @param rename gives a batch another id */
async function takeOver(rename: (batch: OutboxBatch) => OutboxBatch): Promise<void> {
  const state = await openState("successor");
  const { eventLog } = connectEventLog();
  const drain = new EventDrain({
    spilled: undefined,
    state: {
      outboxState: () => state.outboxState(),
      confirmOutbox: (batch) => state.confirmOutbox({ ...batch, id: batch.id.slice(0, 36) }),
      readOutbox: async (options) => {
        const batch = await state.readOutbox(options);
        return batch && rename(batch);
      },
    },
    writer: eventWriterTo(eventLog),
    clock: systemClock,
    entropy: systemEntropy,
    telemetry: new PrometheusTelemetry(),
    logger: silentLogger,
    intervalMs: 1_000,
    rowsMax: 10_000,
  });
  const left = async (): Promise<number> => {
    await drain.flush();
    return (await state.outboxState()).entries;
  };
  await expect.poll(left, { timeout: 10_000, interval: 50 }).toBe(0);
  await eventLog.close();
  await state.close();
}

/** Rows as they lie in the parts, not as FINAL shows them. */
async function countRaw(table: string): Promise<{ rows: number; generations: number }> {
  const [counts] = await front.query<{ rows: string; generations: string }>(
    `SELECT toString(count()) AS rows, toString(uniqExact(generation_id)) AS generations FROM ${database}.${table}`,
  );
  return { rows: Number(counts?.rows), generations: Number(counts?.generations) };
}

test.each([
  { what: "nothing twice", rename: (batch: OutboxBatch) => batch, copies: 1 },
  {
    what: "everything twice if it had another token (negative control)",
    rename: (batch: OutboxBatch) => ({ ...batch, id: `${batch.id}!` }),
    copies: 2,
  },
])(
  "who takes over from a process that died between insert and confirmation inserts $what",
  async ({ rename, copies }) => {
    const writer = await openState("writer");
    await fill(writer);
    await writer.close();
    await insertAndDie();
    const once = { rows: rowsOfEach, generations: rowsOfEach };
    expect(await countRaw("decisions")).toEqual(once);
    await takeOver(rename);
    for (const table of ["decisions", "generations"]) {
      expect(await countRaw(table)).toEqual({ ...once, rows: copies * rowsOfEach });
    }
  },
);

test("a slow process and the one that took its batch over insert it at the same time: once each row", async () => {
  const slow = await openState("slow");
  const successor = await openState("fast");
  const { eventLog } = connectEventLog();
  try {
    await fill(slow);
    const batch = (await slow.readOutbox({ rowsMax: 10_000 })) as OutboxBatch;
    const read = async (): Promise<OutboxBatch | undefined> =>
      await successor.readOutbox({ rowsMax: 10_000 });
    await expect.poll(read, { timeout: 10_000 }).toEqual(batch);
    const insert = async (state: StateStore): Promise<void> => {
      const writer = eventWriterTo(eventLog);
      for (const append of appendsOf(batch)) await writer.write(append);
      await state.confirmOutbox(batch);
    };
    await Promise.all([insert(slow), insert(successor)]);
    for (const table of ["decisions", "generations"]) {
      expect(await countRaw(table)).toEqual({ rows: rowsOfEach, generations: rowsOfEach });
    }
    expect(await slow.outboxState()).toEqual({ entries: 0, rows: 0, bytes: 0 });
    await slow.recordDecision(decisionInput(newGenerationId()));
    expect((await slow.readOutbox({ rowsMax: 10 }))?.entries).toHaveLength(1);
  } finally {
    await eventLog.close();
    await slow.close();
    await successor.close();
  }
});
