import { rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeEach, expect, test } from "vitest";
import {
  type SqliteStateStore,
  stateFileName,
} from "../../../src/adapters/sqlite/sqlite-state-store.ts";
import type { OutboxBatch } from "../../../src/ports/state-store.ts";
import { readBatch, rowsOf } from "../../conformance/state-store-harness.ts";
import { closedAfterEach } from "../../support/closed-after-each.ts";
import { startProgram } from "../../support/program.ts";
import { decisionInput } from "../../support/state-samples.ts";
import { openSqliteState } from "../../support/state-stores.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const nothing = { entries: 0, rows: 0, bytes: 0 };
let directory: string;
let nowMs: number;

beforeEach(() => {
  directory = temporaryDirectory();
  nowMs = 1_800_000_000_000;
});

const clock = { nowMs: () => nowMs, monotonicMs: () => performance.now() };
const closing = closedAfterEach();
const open = async () => closing(await openSqliteState(directory, { clock }));

/** One entry each. */
async function record(live: SqliteStateStore, count: number): Promise<string[]> {
  const rows: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const input = decisionInput();
    await live.recordDecision(input);
    rows.push(input.event.row);
  }
  return rows;
}

test("the oldest event's age is known, also after opening anew", async () => {
  let live = await open();
  await record(live, 1);
  const batch = await readBatch(live);
  nowMs += 60_000;
  await record(live, 1);
  expect((await live.outboxState()).oldestAtMs).toBe(nowMs - 60_000);
  await live.close();
  live = await open();
  expect((await live.outboxState()).oldestAtMs).toBe(nowMs - 60_000);
  await live.confirmOutbox(batch);
  expect((await live.outboxState()).oldestAtMs).toBe(nowMs);
});

test("cut off while a confirmed batch was removed, the rest is removed and never handed out", async () => {
  const before = await open();
  await record(before, 450);
  const batch = await readBatch(before, 10_000);
  expect(batch.entries).toHaveLength(450);
  const [later] = await record(before, 1);
  await before.close();
  const database = new DatabaseSync(join(directory, stateFileName));
  database.prepare("DELETE FROM outbox WHERE id <= ?").run(Number(batch.entries[399]?.id));
  expect(database.prepare("UPDATE batch SET is_confirmed = 1").run().changes).toBe(1);
  database.close();
  const live = await open();
  expect(await live.outboxState()).toMatchObject({ entries: 51, rows: 51 });
  const next = await readBatch(live, 10_000);
  expect(next.id).not.toBe(batch.id);
  expect(rowsOf(next.entries)).toEqual([later]);
  await live.confirmOutbox(next);
  expect(await live.outboxState()).toEqual(nothing);
});

test("ids of batches of two stores differ, so that neither's insert is taken for the other's", async () => {
  const batches: OutboxBatch[] = [];
  for (let life = 0; life < 2; life += 1) {
    const live = await open();
    await record(live, 1);
    batches.push(await readBatch(live));
    await live.close();
    rmSync(directory, { recursive: true });
  }
  const [first, second] = batches;
  expect(first?.entries[0]?.id).toBe(second?.entries[0]?.id);
  expect(first?.id).not.toBe(second?.id);
});

test("a full disk refuses writes, the process lives, what was acknowledged is drained, and there is room again", async () => {
  const writer = startProgram("state-full-disk", [directory], 4000);
  const wrote: string[] = [];
  const drained: string[] = [];
  const refusals: string[] = [];
  const states: unknown[] = [];
  for await (const line of writer.lines) {
    const step = JSON.parse(line);
    if (step.wrote !== undefined) wrote.push(step.wrote);
    if (step.drained !== undefined) drained.push(...step.drained);
    if (step.refused !== undefined) refusals.push(step.refused);
    if (step.state !== undefined) states.push(step.state);
  }
  expect(await writer.ended).toBe(0);
  expect(refusals).toEqual(Array(16).fill("STATE_FULL"));
  const afterwards = wrote.pop();
  expect(wrote.length).toBeGreaterThan(100);
  expect(drained.toSorted()).toEqual(wrote.toSorted());
  expect(states).toEqual([expect.objectContaining({ rows: wrote.length }), nothing]);
  const live = await open();
  expect(rowsOf((await readBatch(live)).entries)).toEqual([afterwards]);
});
