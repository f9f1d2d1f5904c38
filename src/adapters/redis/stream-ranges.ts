import type { OutboxEntry } from "../../ports/state-store.ts";
import type { BatchRecord } from "./outbox-batches.ts";
import { parseEntryId, type StreamGap } from "./outbox-streams.ts";

/** What lies between the ranges of batches, oldest first. */
export function gapsOf(partition: number, batches: readonly BatchRecord[]): StreamGap[] {
  const parts = batches
    .flatMap((batch) => batch.parts)
    .filter((part) => part.partition === partition)
    .sort((a, b) => compareStreamIds(a.first, b.first));
  const gaps: StreamGap[] = [];
  let from = "-";
  for (const { first, last } of parts) {
    gaps.push([from, `(${first}`]);
    from = `(${last}`;
  }
  gaps.push([from, "+"]);
  return gaps;
}

/** Stream ids are `<milliseconds>-<sequence number>`. */
function parseStreamId(streamId: string): [ms: number, sequence: number] {
  const dash = streamId.indexOf("-");
  return [Number(streamId.slice(0, dash)), Number(streamId.slice(dash + 1))];
}

/** Negative when `a` is older. */
export function compareStreamIds(a: string, b: string): number {
  const [msA, sequenceA] = parseStreamId(a);
  const [msB, sequenceB] = parseStreamId(b);
  return msA - msB || sequenceA - sequenceB;
}

/** By the servers' clocks; entries of one partition in their order. The same entries always in the same order. */
export function sortByAge(entries: readonly OutboxEntry[]): OutboxEntry[] {
  return entries
    .map((entry) => {
      const { partition, streamId } = parseEntryId(entry.id);
      const [ms, sequence] = parseStreamId(streamId);
      return { entry, ms, partition, sequence };
    })
    .sort((a, b) => a.ms - b.ms || a.partition - b.partition || a.sequence - b.sequence)
    .map(({ entry }) => entry);
}
