import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openChdbEventLog } from "../src/adapters/clickhouse/open-event-log.ts";
import {
  asLines,
  sampleDecision,
  sampleGenerationId,
  silentLogger,
  testClock,
} from "../test/support/clickhouse-event-samples.ts";

/*
 * node bench/event-log.ts [rows]: decisions appended to chDB in batches of 5,000, one after another, as
 * the drain of the outbox does it. Serialising the rows is not counted, it happens on the hot path.
 * `blocked` is the longest time a batch kept the event loop from turning.
 */
const rowsPerBatch = 5_000;
const rowsTotal = Number(process.argv[2] ?? 100_000);
if (!Number.isInteger(rowsTotal) || rowsTotal < 1) {
  console.error("usage: node bench/event-log.ts [rows]");
  process.exit(2);
}

const directory = await mkdtemp(join(tmpdir(), "banditd-bench-"));
const openedMs = performance.now();
const { eventLog, migrator } = await openChdbEventLog({
  directory,
  clock: testClock,
  logger: silentLogger,
});
const readyMs = performance.now();
await migrator.migrate();
const migratedMs = performance.now();
await migrator.migrate();
const checkedMs = performance.now();

let written = 0;
let insertMs = 0;
let bytes = 0;
const blockedMs: number[] = [];
while (written < rowsTotal) {
  const size = Math.min(rowsPerBatch, rowsTotal - written);
  const rows = asLines(
    Array.from({ length: size }, (_, index) =>
      sampleDecision({ generation_id: sampleGenerationId(written + index) }),
    ),
  );
  const watch = watchEventLoop();
  const startedMs = performance.now();
  await eventLog.append({ stream: "decisions", rows, deduplicationToken: `batch-${written}` });
  insertMs += performance.now() - startedMs;
  blockedMs.push(watch());
  bytes += rows.length;
  written += size;
}

const lookups = 100;
const lookupMs = performance.now();
for (let index = 0; index < lookups; index += 1) {
  await eventLog.findGeneration(sampleGenerationId(Math.floor((index * rowsTotal) / lookups)));
}
const lookupDoneMs = performance.now();
await eventLog.close();
await rm(directory, { recursive: true, force: true });

blockedMs.sort((a, b) => a - b);
const at = (share: number) => blockedMs[Math.floor(share * (blockedMs.length - 1))] ?? 0;
const lines: readonly (readonly [string, string])[] = [
  ["open", `${(readyMs - openedMs).toFixed(0)} ms`],
  ["migrate an empty database", `${(migratedMs - readyMs).toFixed(0)} ms`],
  ["migrate when up to date", `${(checkedMs - migratedMs).toFixed(1)} ms`],
  ["rows", `${written} (${(bytes / written).toFixed(0)} bytes each)`],
  ["rows per second", ((written / insertMs) * 1_000).toFixed(0)],
  ["blocked per batch", `p50 ${at(0.5).toFixed(1)} ms, max ${at(1).toFixed(1)} ms`],
  ["findGeneration", `${((lookupDoneMs - lookupMs) / lookups).toFixed(1)} ms`],
];
for (const [name, value] of lines) console.log(`${name.padEnd(28)}${value}`);

function watchEventLoop(): () => number {
  let on = true;
  let last = performance.now();
  let longest = 0;
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (on) setImmediate(turn);
  };
  setImmediate(turn);
  return () => {
    on = false;
    return longest;
  };
}
