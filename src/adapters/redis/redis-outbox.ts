import { randomUUID } from "node:crypto";
import { fewAtATime } from "../../concurrency/lanes.ts";
import { BanditError } from "../../domain/errors.ts";
import { outboxReadBytesMax } from "../../ports/outbox-bounds.ts";
import type { OutboxBatch, OutboxEntry, OutboxState } from "../../ports/state-store.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import { type BatchPart, type BatchRecord, OutboxBatches } from "./outbox-batches.ts";
import { digestOf, type MeasuredEntries, OutboxStreams, parseEntryId } from "./outbox-streams.ts";
import type { RunStep } from "./partition-steps.ts";
import type { RedisClient } from "./redis-client.ts";
import { compareStreamIds, gapsOf, sortByAge } from "./stream-ranges.ts";

/** Each time but the last somebody else has got a batch or confirmed one. */
const attemptsMax = 50;

/** Partitions whose entries are read or removed at the same time. */
const partsAtATime = 2;

/** How much may still be read. */
interface Amount {
  rows: number;
  bytes: number;
}

type MeasuredPart = MeasuredEntries & { readonly partition: number };

/**
 * The outbox of all partitions as batches that any number of processes share.
 *
 * A batch is a range of ids in each partition. What is in a range cannot change until it is removed, because
 * ids of a stream only grow. So a batch is fixed by its record alone: id, ranges, owner. All records are one
 * hash in the first partition, and a step on it is atomic.
 *
 * A batch is made like this: (1) look at all records, (2) find the oldest entries that are in no range, (3) add
 * the record if no other was added since (1), (4) read the ranges. It is removed like this: (5) mark the record
 * as confirmed, (6) remove the entries, (7) remove the record.
 *
 * Why no entry is ever handed out in two batches A and B, A added first: B was looked for after A had been
 * added, or (3) would have failed. Either A's record was there at B's (1), and its ranges were left out. Or it
 * was gone: then (6) was over, and what B found in (2) cannot have been in A.
 *
 * Why a batch is the same for every reader at any time: ranges never change, nothing is removed from them before
 * (5), and after (5) nobody is given the batch. Its owner may have fallen silent and come back after another
 * took the record over: both insert the same entries under the same token, which the event log keeps once, and
 * the first of them does (5) to (7). The other one finds no record and does nothing, or repeats (6) and (7);
 * ids are not used again, so that removes nothing else. A process that dies between (5) and (7) leaves a confirmed record, and
 * the next owner finishes it. One that dies before (3) leaves nothing.
 *
 * Entries get new ids below the end of a range only when Redis itself has lost what it had acknowledged, and
 * entries of a range can be missing only then too. The digest of the ids shows it: such a batch is given up,
 * and what is there is batched anew, so nothing is left out, and the event log may hold rows twice until it merges.
 *
 * Refused: a consumer group. An entry pending for one process and its place in a batch would be in two slots of a
 * cluster, and cannot change together.
 */
export class RedisOutbox {
  readonly #batches: OutboxBatches;
  readonly #streams: OutboxStreams;
  readonly #partitions: number;
  readonly #logger: Logger;
  readonly #telemetry: Telemetry | undefined;

  constructor(options: {
    client: RedisClient;
    /** Rejects with a BanditError. */
    run: RunStep;
    inTime: <Reply>(reply: Promise<Reply>) => Promise<Reply>;
    partitions: number;
    consumer: string;
    claimIdleMs: number;
    logger: Logger;
    telemetry: Telemetry | undefined;
  }) {
    this.#batches = new OutboxBatches(options);
    this.#streams = new OutboxStreams(options);
    this.#partitions = options.partitions;
    this.#logger = options.logger;
    this.#telemetry = options.telemetry;
  }

  /** Oldest first, as far as the servers' clocks agree; of one partition exactly. */
  async read(rowsMax: number): Promise<OutboxBatch | undefined> {
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      const { addedEver, all, own, wasTakenOver } = await this.#batches.look();
      if (wasTakenOver) this.#reportTakeover(own);
      let batch = own;
      if (batch === undefined) {
        const parts = await this.#findParts(rowsMax, all);
        if (parts.length === 0) return undefined;
        batch = { id: randomUUID(), parts, isConfirmed: false };
        if (!(await this.#batches.add(addedEver, batch))) continue;
      }
      const { entries, isWhole } = await this.#readParts(batch.parts);
      if (batch.isConfirmed) await this.#remove(batch.id, entries);
      else if (isWhole) return { id: batch.id, entries };
      else await this.#dissolve(batch);
    }
    throw new BanditError("unavailable", "too many processes read the outbox at once", {
      reason: "STATE_CONTENDED",
      retryAfterMs: 100,
    });
  }

  async confirm({ id, entries }: OutboxBatch): Promise<void> {
    if (await this.#batches.confirm(id)) await this.#remove(id, entries);
  }

  async state(): Promise<OutboxState> {
    const states = await this.#inEveryPartition((partition) => this.#streams.state(partition));
    const total = { entries: 0, rows: 0, bytes: 0 };
    let oldestAtMs = Number.POSITIVE_INFINITY;
    for (const state of states) {
      total.entries += state.entries;
      total.rows += state.rows;
      total.bytes += state.bytes;
      oldestAtMs = Math.min(oldestAtMs, state.oldestAtMs ?? oldestAtMs);
    }
    return Number.isFinite(oldestAtMs) ? { ...total, oldestAtMs } : total;
  }

  /** Leaves the batch under way to the others. */
  async leave(): Promise<void> {
    await this.#batches.leave();
  }

  /**
   * Every partition gives an equal share first, those with the oldest entries before the others; who has more
   * is asked for the rest.
   */
  async #findParts(rowsMax: number, taken: readonly BatchRecord[]): Promise<BatchPart[]> {
    const left = { rows: rowsMax, bytes: outboxReadBytesMax };
    const share = {
      rows: Math.ceil(left.rows / this.#partitions),
      bytes: Math.ceil(left.bytes / this.#partitions),
    };
    const offers = await this.#inEveryPartition(async (partition) => {
      const measured = await this.#streams.measure(partition, gapsOf(partition, taken), share);
      return measured === undefined ? [] : [{ partition, ...measured }];
    });
    const accepted: MeasuredPart[] = [];
    for (const offer of offers.flat().sort((a, b) => compareStreamIds(a.ids[0], b.ids[0]))) {
      if (isSpent(left)) break;
      spend(left, offer);
      accepted.push(offer);
    }
    for (const part of accepted) await this.#extend(part, left);
    return accepted.map(({ partition, ids }) => ({
      partition,
      first: ids[0],
      last: ids.at(-1) as string,
      digest: digestOf(ids),
    }));
  }

  async #extend(part: MeasuredPart, left: Amount): Promise<void> {
    while (part.rest !== undefined && !isSpent(left)) {
      const more = await this.#streams.measure(part.partition, [part.rest], left);
      if (more === undefined) return;
      spend(left, more);
      part.ids.push(...more.ids);
      part.rest = more.rest;
    }
  }

  async #readParts(
    parts: readonly BatchPart[],
  ): Promise<{ entries: OutboxEntry[]; isWhole: boolean }> {
    let isWhole = true;
    const read = await fewAtATime(partsAtATime, parts, async (part) => {
      const entries = await this.#streams.read(part);
      const ids = entries.map(({ id }) => parseEntryId(id).streamId);
      if (digestOf(ids) !== part.digest) isWhole = false;
      return entries;
    });
    return { entries: sortByAge(read.flat()), isWhole };
  }

  /** Idempotent, and harmless when another process does the same at the same time. */
  async #remove(id: string, entries: readonly OutboxEntry[]): Promise<void> {
    const byPartition = new Map<number, OutboxEntry[]>();
    for (const entry of entries) {
      const { partition } = parseEntryId(entry.id);
      const others = byPartition.get(partition);
      if (others === undefined) byPartition.set(partition, [entry]);
      else others.push(entry);
    }
    await fewAtATime(partsAtATime, [...byPartition], ([partition, some]) =>
      this.#streams.remove(partition, some),
    );
    await this.#batches.forget(id);
  }

  async #dissolve(batch: BatchRecord): Promise<void> {
    if (!(await this.#batches.dissolve(batch.id))) return;
    this.#logger.error(
      "Redis has lost events of a batch; the batch is made anew from its other events",
      {
        batch: batch.id,
        consequence: "events of this batch may be in the event log twice until it merges its parts",
      },
    );
  }

  #reportTakeover(batch: BatchRecord | undefined): void {
    this.#telemetry?.count("bandit_outbox_takeovers_total");
    this.#logger.warn("events of a silent process are taken over", {
      batch: batch?.id,
    });
  }

  #inEveryPartition<Result>(work: (partition: number) => Promise<Result>): Promise<Result[]> {
    return Promise.all(Array.from({ length: this.#partitions }, (_, index) => work(index)));
  }
}

function isSpent(left: Amount): boolean {
  return left.rows <= 0 || left.bytes <= 0;
}

function spend(left: Amount, { rows, bytes }: Amount): void {
  left.rows -= rows;
  left.bytes -= bytes;
}
