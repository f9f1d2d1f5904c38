/**
 * Records decisions in the LMDB directory given as argument until it is killed, and prints each
 * generation id once its promise has resolved.
 */
import { writeSync } from "node:fs";
import { LmdbStateStore } from "../../src/adapters/lmdb/lmdb-state-store.ts";
import { contributionInput, decisionInput, systemClock } from "./state-samples.ts";

const store = await LmdbStateStore.open({
  directory: process.argv[2] as string,
  clock: systemClock,
});

async function write(): Promise<never> {
  for (;;) {
    const input = decisionInput();
    const { generationId } = input.record;
    await store.recordDecision(input);
    await store.applyContributions(contributionInput({ generationId }));
    // Synchronous: what the parent has read was acknowledged before the kill.
    writeSync(1, `${generationId}\n`);
  }
}
await Promise.all(Array.from({ length: 32 }, write));
