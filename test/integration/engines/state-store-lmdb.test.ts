import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  LmdbStateStore,
  type LmdbStateStoreOptions,
} from "../../../src/adapters/lmdb/lmdb-state-store.ts";
import { openTables, totalsKey } from "../../../src/adapters/lmdb/lmdb-tables.ts";
import type { GenerationId } from "../../../src/domain/ids.ts";
import { drain, rowsOf, totalsOf } from "../../conformance/state-store-harness.ts";
import {
  contributionInput,
  decisionInput,
  newGenerationId,
  sampleArm,
  silentLogger,
} from "../../support/state-samples.ts";

let directory: string;
let aheadMs: number;
let store: LmdbStateStore | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "banditd-lmdb-"));
  aheadMs = 0;
});
afterEach(async () => {
  await store?.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(options: Partial<LmdbStateStoreOptions> = {}): Promise<LmdbStateStore> {
  store = await LmdbStateStore.open({
    directory,
    clock: {
      nowMs: () => Date.now() + aheadMs,
      monotonicMs: () => performance.now() + aheadMs,
    },
    logger: silentLogger,
    ...options,
  });
  return store;
}

test("everything acknowledged before the process is killed is there, once, when the next one opens", async () => {
  const acknowledged = new Set<GenerationId>();
  for (let life = 0; life < 3; life += 1) {
    for (const id of await writeUntilKilled(500)) acknowledged.add(id);
  }
  const reopened = await open();
  expect(acknowledged.size).toBeGreaterThanOrEqual(1500);
  const rows = rowsOf(await drain(reopened, 10_000)).map((row) => JSON.parse(row));
  const count = (id: GenerationId): number => rows.filter((row) => row.generation_id === id).length;
  for (const id of acknowledged) expect(await reopened.findDecision(id)).toBeDefined();
  for (const id of [...acknowledged].slice(0, 100)) expect(count(id)).toBe(2);
  expect(rows.length).toBe(new Set(rows.map((row) => JSON.stringify(row))).size);
  const outcomes = rows.filter((row) => row.outcome_id !== undefined).length;
  expect((await totalsOf(reopened, sampleArm))?.totals.generations).toBe(outcomes);
});

test("totals that version 0.1.0 wrote are read, and counted on from", async () => {
  const tables = openTables(directory);
  await tables.totals.put(totalsKey(sampleArm), Buffer.from("[2.5,4,7,12]"));
  await tables.environment.close();
  const live = await open();
  const old = { reward: 2.5, weight: 4, squares: 2.5, generations: 7, position: 0 };
  expect(await totalsOf(live, sampleArm)).toEqual({ ...sampleArm, totals: old, version: 12 });
  const generationId = newGenerationId();
  await live.applyContributions(contributionInput({ generationId, forgettingPosition: 1 }));
  expect(await totalsOf(live, sampleArm)).toEqual({
    ...sampleArm,
    totals: { reward: 1.625, weight: 2.5, squares: 1.53125, generations: 8, position: 1 },
    version: 13,
  });
});

test("expired records and ledgers make room: the file stops growing", async () => {
  const live = await open();
  const bytesAfter: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    await Promise.all(
      Array.from({ length: 3000 }, async () => {
        const input = decisionInput(newGenerationId(), 3600);
        await live.recordDecision(input);
        const { generationId } = input.record;
        await live.applyContributions(contributionInput({ generationId, ttlSeconds: 3600 }));
      }),
    );
    await drain(live);
    aheadMs += 3_700_000;
    while ((await live.sweepExpired()) > 0);
    bytesAfter.push(statSync(join(directory, "data.mdb")).size);
  }
  expect(bytesAfter.at(-1)).toBeLessThanOrEqual((bytesAfter[2] as number) * 1.1);
});

test("one sweep looks at a bounded number of ids", async () => {
  const live = await open();
  await Promise.all(
    Array.from({ length: 5000 }, () => live.recordDecision(decisionInput(newGenerationId(), 60))),
  );
  aheadMs += 200_000;
  const sweeps: number[] = [];
  do sweeps.push(await live.sweepExpired());
  while (sweeps.at(-1) !== 0);
  expect(Math.max(...sweeps)).toBeLessThanOrEqual(200);
  expect(sweeps.reduce((sum, each) => sum + each, 0)).toBe(5000);
});

test("a sweep and a new decision for an expired id in the same turn leave the new decision", async () => {
  const live = await open();
  const input = decisionInput(newGenerationId(), 60);
  await live.recordDecision(input);
  aheadMs += 200_000;
  const [again] = await Promise.all([
    live.recordDecision(input),
    live.sweepExpired(),
    live.sweepExpired(),
  ]);
  expect(again).toBeUndefined();
  expect(await live.findDecision(input.record.generationId)).toEqual(input.record);
});

test("a full store refuses writes with resource_exhausted, still reads, and goes on when drained", async () => {
  const live = await open({ mapSizeBytesMax: 2 ** 20 });
  const inputs = Array.from({ length: 6000 }, () => decisionInput(newGenerationId(), 60));
  const refusals: unknown[] = [];
  const stored: typeof inputs = [];
  for (let from = 0; from < inputs.length; from += 100) {
    const part = inputs.slice(from, from + 100);
    const results = await Promise.allSettled(part.map((input) => live.recordDecision(input)));
    for (const [index, result] of results.entries()) {
      if (result.status === "rejected") refusals.push(result.reason);
      else stored.push(part[index] as (typeof inputs)[number]);
    }
  }
  expect(stored.length).toBeGreaterThan(500);
  expect(refusals.length).toBeGreaterThan(500);
  expect(refusals[0]).toMatchObject({ code: "resource_exhausted", reason: "STATE_FULL" });
  const last = stored.at(-1) as (typeof inputs)[number];
  expect(await live.findDecision(last.record.generationId)).toEqual(last.record);
  expect(rowsOf(await drain(live))).toEqual(stored.map((input) => input.event.row));
  aheadMs += 200_000;
  while ((await live.sweepExpired()) > 0);
  expect(await live.recordDecision(decisionInput())).toBeUndefined();
});

test("calls beyond the bound are refused at once; those before it are stored", async () => {
  const live = await open({ waitingCallsMax: 10 });
  const calls = Array.from({ length: 15 }, () => live.recordDecision(decisionInput()));
  const codes = (await Promise.allSettled(calls)).map((result) =>
    result.status === "rejected" ? result.reason.code : "stored",
  );
  expect(codes).toEqual([...Array(10).fill("stored"), ...Array(5).fill("resource_exhausted")]);
});

/** Runs a process that writes, kills it once it has acknowledged that many, and returns what it acknowledged. */
async function writeUntilKilled(acknowledgedMin: number): Promise<GenerationId[]> {
  const program = new URL("../../support/lmdb-writer.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [program, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let output = "";
  for await (const chunk of child.stdout) {
    output += chunk;
    if (output.length >= acknowledgedMin * 37) child.kill("SIGKILL");
  }
  await ended;
  return output.slice(0, output.lastIndexOf("\n")).split("\n") as GenerationId[];
}
