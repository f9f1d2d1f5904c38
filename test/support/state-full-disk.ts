/**
 * Records decisions in the directory given as argument until the disk takes no more, then drains the outbox
 * while what has expired is removed, and records one more. Prints lines of JSON: `wrote` a row once it is
 * acknowledged, `refused` with the reason, `drained` the rows, `state` of the outbox before and after that.
 */
import { SqliteStateStore } from "../../src/adapters/sqlite/sqlite-state-store.ts";
import { BanditError } from "../../src/domain/errors.ts";
import { decisionInput, newGenerationId } from "./state-samples.ts";
import { writeLine } from "./write-line.ts";

const directory = process.argv[2] as string;
let aheadMs = 0;
const store = await SqliteStateStore.open({
  directory,
  logBytesMax: 2 ** 18,
  clock: {
    nowMs: () => Date.now() + aheadMs,
    monotonicMs: () => performance.now() + aheadMs,
  },
});

function say(line: object): void {
  writeLine(JSON.stringify(line));
}

async function record(): Promise<void> {
  const input = decisionInput(newGenerationId(), 60);
  const row = JSON.stringify({ id: input.record.generationId, pad: "x".repeat(4000) });
  await store.recordDecision({ ...input, event: { stream: "decisions", row } });
  say({ wrote: row });
}

async function write(): Promise<void> {
  for (;;) {
    try {
      await record();
    } catch (error) {
      say({ refused: error instanceof BanditError ? error.reason : String(error) });
      return;
    }
  }
}

await Promise.all(Array.from({ length: 16 }, write));
say({ state: await store.outboxState() });
aheadMs = 200_000;
while ((await store.sweepExpired()) > 0);
for (;;) {
  const batch = await store.readOutbox({ rowsMax: 100 });
  if (batch === undefined) break;
  await store.confirmOutbox(batch);
  say({ drained: batch.entries.flatMap((entry) => entry.rows.split("\n")) });
}
say({ state: await store.outboxState() });
await record();
await store.close();
