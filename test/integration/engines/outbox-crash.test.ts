import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { OutboxBatch, StateStore } from "../../../src/ports/state-store.ts";
import { OutboxLedger } from "../../conformance/outbox-ledger.ts";
import { readBatch } from "../../conformance/state-store-harness.ts";
import type { OutboxWorkerStep } from "../../support/outbox-worker.ts";
import { startProgram } from "../../support/program.ts";
import { type RunningRedis, startRedis } from "../../support/redis.ts";
import { decisionInput } from "../../support/state-samples.ts";
import { openRedisState, openSqliteState } from "../../support/state-stores.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

/** So short that a worker that only had to wait for a processor may lose its batch too. */
const claimIdleMs = 150;

interface Site {
  /** Arguments of the worker. */
  readonly workerArgs: readonly string[];
  /** How many workers may run at once. */
  readonly workers: number;
  open(): Promise<StateStore>;
  remove(): Promise<void>;
}

function sqliteSite(): Site {
  const directory = temporaryDirectory();
  return {
    workerArgs: ["sqlite", directory, ""],
    workers: 1,
    open: () => openSqliteState(directory),
    remove: async () => undefined,
  };
}

async function redisSite(): Promise<Site> {
  const server: RunningRedis = await startRedis();
  const { url } = server;
  return {
    workerArgs: ["redis", url, String(claimIdleMs)],
    workers: 3,
    open: () => openRedisState(url, { claimIdleMs }),
    remove: () => server.stop(),
  };
}

describe.each([
  { name: "SQLite", make: async () => sqliteSite() },
  { name: "Redis", make: redisSite },
])("processes killed while they drain the outbox on $name", ({ make }) => {
  let site: Site;
  beforeEach(async () => {
    site = await make();
  });
  afterEach(() => site.remove());

  /** Runs a worker, tells each of its steps, and resolves when it has ended. */
  async function runWorker(
    onStep: (step: OutboxWorkerStep, kill: () => void) => void,
    mode = "",
  ): Promise<void> {
    const worker = startProgram("outbox-worker", [...site.workerArgs, mode]);
    for await (const line of worker.lines) onStep(JSON.parse(line), () => void worker.kill());
    await worker.ended;
  }

  test("the next process gets the very batch that the killed one had read", async () => {
    let held: OutboxBatch | undefined;
    let readings = 0;
    await runWorker((step, kill) => {
      if (!("read" in step)) return;
      held ??= step.read;
      expect(step.read).toEqual(held);
      readings += 1;
      if (readings === 20) kill();
    }, "hold");
    expect(readings).toBeGreaterThanOrEqual(20);
    const store = await site.open();
    try {
      await store.recordDecision(decisionInput());
      const next = async (): Promise<OutboxBatch | undefined> => {
        const batch = await store.readOutbox({ rowsMax: 1000 });
        // Its owner has to be silent for a while before another one may have it.
        if (batch !== undefined && batch.id !== held?.id) await store.confirmOutbox(batch);
        return batch;
      };
      await expect.poll(next, { timeout: 10_000 }).toEqual(held);
      expect(await readBatch(store)).toEqual(held);
    } finally {
      await store.close();
    }
  });

  test("over ten kills at any moment every row acknowledged is in exactly one batch, which never changes", async () => {
    const ledger = new OutboxLedger();
    const confirmedBefore = new Set<string>();
    for (let life = 0; life < 10 / site.workers; life += 1) {
      const confirmed: string[] = [];
      const workers = Array.from({ length: site.workers }, (_, worker) => {
        let left = 60 + 37 * life + 11 * worker;
        return runWorker((step, kill) => {
          if ("wrote" in step) ledger.wrote(step.wrote);
          else if ("confirmed" in step) confirmed.push(step.confirmed);
          else {
            ledger.read(step.read);
            expect(confirmedBefore.has(step.read.id)).toBe(false);
          }
          left -= 1;
          if (left === 0) kill();
        });
      });
      await Promise.all(workers);
      for (const id of confirmed) confirmedBefore.add(id);
    }
    const store = await site.open();
    try {
      await expect
        .poll(
          async () => {
            for (;;) {
              const batch = await store.readOutbox({ rowsMax: 1000 });
              if (batch === undefined) return (await store.outboxState()).entries;
              ledger.read(batch);
              await store.confirmOutbox(batch);
            }
          },
          { timeout: 10_000 },
        )
        .toBe(0);
      expect(ledger.batches).toBeGreaterThan(20);
      // Who was killed while confirming did not say so: what counts is that every row was in a batch.
      expect(ledger.unread()).toEqual([]);
      expect(await store.outboxState()).toEqual({ entries: 0, rows: 0, bytes: 0 });
    } finally {
      await store.close();
    }
  });
});
