/**
 * Records decisions and an outcome for each in the directory given as argument until it is killed, and prints each
 * generation id once its outcome is acknowledged. Rows have a `seq` that grows with the calls; now and then the oldest
 * are read from the outbox and confirmed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { SqliteStateStore } from "../../src/adapters/sqlite/sqlite-state-store.ts";
import type { OutboxEvent } from "../../src/ports/state-store.ts";
import { contributionInput, decisionInput, systemClock } from "./state-samples.ts";
import { writeLine } from "./write-line.ts";

const [directory, drains] = process.argv.slice(2) as [string, string?];
const store = await SqliteStateStore.open({
  directory,
  clock: systemClock,
  // So small that it begins anew again and again.
  logBytesMax: 2 ** 20,
});
const seqs = { decisions: 0, generations: 0, outcomes: 0 };

function event(stream: OutboxEvent["stream"], fields: object): OutboxEvent {
  seqs[stream] += 1;
  return { stream, row: JSON.stringify({ seq: seqs[stream], pad: "x".repeat(400), ...fields }) };
}

async function write(): Promise<never> {
  for (;;) {
    const input = decisionInput();
    const { generationId } = input.record;
    const fields = { generation_id: generationId };
    await store.recordDecision({ ...input, event: event("decisions", fields) });
    const outcome = event("outcomes", { ...fields, outcome_id: "outcome-1" });
    await store.applyContributions({ ...contributionInput({ generationId }), event: outcome });
    writeLine(generationId);
  }
}

async function drain(): Promise<never> {
  for (;;) {
    await sleep(20);
    const batch = await store.readOutbox({ rowsMax: 100 });
    if (batch !== undefined) await store.confirmOutbox(batch);
  }
}

await Promise.all([...Array.from({ length: 32 }, write), ...(drains === "drain" ? [drain()] : [])]);
