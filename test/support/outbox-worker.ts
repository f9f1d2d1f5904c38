/**
 * Records decisions, reads batches of the outbox and confirms them until it is killed, and prints a line of JSON
 * after each step: `wrote` a row, `read` a batch, `confirmed` one. Arguments: `sqlite <directory>`, or
 * `redis <url> <milliseconds after which a silent owner loses its batch>`; then `hold` to read one batch over
 * and over instead.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { RedisStateStore } from "../../src/adapters/redis/redis-state-store.ts";
import { SqliteStateStore } from "../../src/adapters/sqlite/sqlite-state-store.ts";
import type { OutboxBatch, StateStore } from "../../src/ports/state-store.ts";
import { decisionInput, silentLogger, systemClock } from "./state-samples.ts";
import { writeLine } from "./write-line.ts";

export type OutboxWorkerStep = { wrote: string } | { read: OutboxBatch } | { confirmed: string };

const [engine, where = "", idleMs = "", mode] = process.argv.slice(2);

function open(): Promise<StateStore> {
  if (engine === "sqlite") return SqliteStateStore.open({ directory: where, clock: systemClock });
  return RedisStateStore.connect({
    url: where,
    claimIdleMs: Number(idleMs),
    consumer: randomUUID(),
    clock: systemClock,
    logger: silentLogger,
  });
}

function say(step: OutboxWorkerStep): void {
  writeLine(JSON.stringify(step));
}

async function write(store: StateStore): Promise<never> {
  for (;;) {
    const input = decisionInput();
    const row = JSON.stringify({ generation_id: input.record.generationId });
    await store.recordDecision({ ...input, event: { stream: "decisions", row } });
    say({ wrote: row });
  }
}

async function drain(store: StateStore): Promise<never> {
  for (let turn = 0; ; turn += 1) {
    const batch = await store.readOutbox({ rowsMax: 1 + ((11 * turn) % 50) });
    if (batch === undefined) {
      await sleep(1);
      continue;
    }
    say({ read: batch });
    if (mode === "hold") continue;
    await store.confirmOutbox(batch);
    say({ confirmed: batch.id });
  }
}

const store = await open();
await Promise.all([write(store), write(store), drain(store)]);
