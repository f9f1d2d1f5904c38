import { invariant } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { type EventStream, eventStreams } from "../../ports/event-rows.ts";
import { outboxEntryBytesMax, outboxReadBytesMax } from "../../ports/outbox-bounds.ts";
import type { OutboxEntry } from "../../ports/state-store.ts";
import { outboxGroup, outboxKey } from "./keys.ts";
import { callsPerStepMax } from "./partition-steps.ts";
import { type RedisClient, translateRedisError, withDeadline } from "./redis-client.ts";
import { runScript, type ScriptArgument, type ScriptName } from "./scripts.ts";

/** Consumer name under which a process that closes leaves what it holds. Idle for a year at once. */
const leftBehind = "left-behind";
/** More than one page only where many entries are small. */
const heldEntriesPerPage = 500;
const fromTheFirst = "0";
const newEntries = ">";

/** How much may still be read. */
interface Amount {
  rows: number;
  bytes: number;
}

type StreamEntry = [id: Buffer, fields: Buffer[] | null];

/**
 * The outbox streams, one for each partition, read as one consumer of the group `events`. An entry that
 * was handed out stays pending for this consumer, and each reading of it renews the hold; what nobody
 * has renewed for `claimIdleMs` goes to another consumer.
 */
export class RedisOutbox {
  readonly #client: RedisClient;
  readonly #clock: Clock;
  readonly #partitions: number;
  readonly #consumer: string;
  readonly #claimIdleMs: number;
  readonly #timeoutMs: number;
  /** Partitions in which this consumer may hold entries, in the order in which they were handed out. */
  readonly #held = new Set<number>();
  #nextPartition = 0;
  #takeOverDueMs = 0;

  constructor(options: {
    client: RedisClient;
    clock: Clock;
    partitions: number;
    consumer: string;
    claimIdleMs: number;
    commandTimeoutMs: number;
  }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#partitions = options.partitions;
    this.#consumer = options.consumer;
    this.#claimIdleMs = options.claimIdleMs;
    this.#timeoutMs = options.commandTimeoutMs;
    // A process that had this name before may have left entries.
    for (let partition = 0; partition < options.partitions; partition += 1) {
      this.#held.add(partition);
    }
  }

  /** Oldest first, as far as the servers' clocks agree; of one partition exactly. */
  async read(rowsMax: number): Promise<readonly OutboxEntry[]> {
    await this.#takeOverWhenDue();
    return (await this.#collect(rowsMax)).sort(byAge);
  }

  async #collect(rowsMax: number): Promise<OutboxEntry[]> {
    const collected: OutboxEntry[] = [];
    const left: Amount = { rows: rowsMax, bytes: outboxReadBytesMax };
    const add = (entries: readonly OutboxEntry[]): void => {
      for (const entry of entries) spend(left, entry);
      collected.push(...entries);
    };
    for (const partition of [...this.#held]) {
      // The reading before may have gone over the bound by its last entry, and comes again as a whole.
      const wanted = { rows: left.rows + callsPerStepMax, bytes: left.bytes + outboxEntryBytesMax };
      if (isSpent(wanted)) return collected;
      const held = await this.#readHeld(partition, wanted);
      if (held.length === 0) this.#held.delete(partition);
      add(held);
    }
    if (isSpent(left)) return collected;

    // Every partition gets an equal share first; who had more to give is asked again for the rest.
    const share = {
      rows: Math.ceil(left.rows / this.#partitions),
      bytes: Math.ceil(left.bytes / this.#partitions),
    };
    let candidates = await this.#nonEmptyPartitions();
    for (const wanted of [share, left]) {
      const withMore: number[] = [];
      for (const partition of candidates) {
        if (isSpent(left)) return collected;
        const asked = {
          rows: Math.min(wanted.rows, left.rows),
          bytes: Math.min(wanted.bytes, left.bytes),
        };
        const taken = await this.#takeNew(partition, asked);
        if (taken.length > 0) this.#held.add(partition);
        for (const entry of taken) spend(asked, entry);
        if (isSpent(asked)) withMore.push(partition);
        add(taken);
      }
      candidates = withMore;
    }
    return collected;
  }

  async confirm(entries: readonly OutboxEntry[]): Promise<void> {
    const byPartition = new Map<number, string[]>();
    for (const { id } of entries) {
      const [partition, streamId] = parseEntryId(id);
      const ids = byPartition.get(partition);
      if (ids === undefined) byPartition.set(partition, [streamId]);
      else ids.push(streamId);
    }
    await Promise.all(
      [...byPartition].map(([partition, ids]) => this.#run("banditConfirm", partition, ids)),
    );
  }

  async depth(): Promise<number> {
    return (await this.#lengths()).reduce((sum, length) => sum + length, 0);
  }

  /** Leaves everything this consumer holds to the others. */
  async leave(): Promise<void> {
    await Promise.all(
      this.#everyPartition().map((partition) =>
        this.#run("banditLeave", partition, [this.#consumer, leftBehind]),
      ),
    );
  }

  async #takeOverWhenDue(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#takeOverDueMs) return;
    this.#takeOverDueMs = nowMs + this.#claimIdleMs / 2;
    await Promise.all(
      this.#everyPartition().map(async (partition) => {
        const taken = await this.#run("banditTakeOver", partition, [
          this.#consumer,
          this.#claimIdleMs,
        ]);
        if (Number(taken) > 0) this.#held.add(partition);
      }),
    );
  }

  async #readHeld(partition: number, wanted: Amount): Promise<OutboxEntry[]> {
    const held: OutboxEntry[] = [];
    let after = fromTheFirst;
    while (!isSpent(wanted)) {
      const page = await this.#take(partition, wanted, after);
      for (const [id, fields] of page) {
        if (fields === null) {
          // Confirmed by another consumer after this one was thought dead: only the hold is left.
          await this.#run("banditConfirm", partition, [id]);
          continue;
        }
        const entry = toEntry(partition, id, fields);
        held.push(entry);
        spend(wanted, entry);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < heldEntriesPerPage) break;
      after = last[0].toString();
    }
    return held;
  }

  async #takeNew(partition: number, wanted: Amount): Promise<OutboxEntry[]> {
    const taken = await this.#take(partition, wanted, newEntries);
    return taken.map(([id, fields]) => toEntry(partition, id, fields ?? []));
  }

  async #take(partition: number, { rows, bytes }: Amount, after: string): Promise<StreamEntry[]> {
    const args = [this.#consumer, rows, bytes, after];
    return (await this.#run("banditTake", partition, args)) as StreamEntry[];
  }

  async #nonEmptyPartitions(): Promise<number[]> {
    const lengths = await this.#lengths();
    const first = this.#nextPartition;
    this.#nextPartition = (first + 1) % this.#partitions;
    return this.#everyPartition()
      .map((index) => (first + index) % this.#partitions)
      .filter((partition) => (lengths[partition] as number) > 0);
  }

  async #lengths(): Promise<number[]> {
    return await Promise.all(
      this.#everyPartition().map((partition) =>
        this.#command(partition, () => this.#client.xlen(outboxKey(partition))),
      ),
    );
  }

  #everyPartition(): number[] {
    return Array.from({ length: this.#partitions }, (_, partition) => partition);
  }

  async #run(
    name: ScriptName,
    partition: number,
    args: readonly ScriptArgument[],
  ): Promise<unknown> {
    return await this.#command(partition, () =>
      runScript(this.#client, name, [outboxKey(partition)], [outboxGroup, ...args]),
    );
  }

  /** Runs a command; where the group does not exist yet, makes it and runs the command again. */
  async #command<Reply>(partition: number, send: () => Promise<Reply>): Promise<Reply> {
    try {
      return await withDeadline(send(), this.#timeoutMs);
    } catch (error) {
      if (!hasMessage(error, "NOGROUP") && !hasMessage(error, "no such key")) {
        throw translateRedisError(error);
      }
    }
    try {
      await withDeadline(this.#createGroup(partition), this.#timeoutMs);
      return await withDeadline(send(), this.#timeoutMs);
    } catch (error) {
      throw translateRedisError(error);
    }
  }

  async #createGroup(partition: number): Promise<void> {
    try {
      await this.#client.xgroup("CREATE", outboxKey(partition), outboxGroup, "0", "MKSTREAM");
    } catch (error) {
      // Another process was faster.
      if (!hasMessage(error, "BUSYGROUP")) throw error;
    }
  }
}

function toEntry(partition: number, id: Buffer, fields: readonly Buffer[]): OutboxEntry {
  const [, stream, , rowCount, , rows] = fields.map(String);
  invariant(
    eventStreams.includes(stream as EventStream) && rows !== undefined,
    `outbox entry ${partition}:${id} cannot be read`,
  );
  return {
    id: `${partition}:${id}`,
    stream: stream as EventStream,
    rows,
    rowCount: Number(rowCount),
  };
}

function parseEntryId(id: string): [partition: number, streamId: string] {
  const colon = id.indexOf(":");
  return [Number(id.slice(0, colon)), id.slice(colon + 1)];
}

/** Stream ids are `<milliseconds>-<sequence number>`. */
function byAge(a: OutboxEntry, b: OutboxEntry): number {
  const [partitionA, streamIdA] = parseEntryId(a.id);
  const [partitionB, streamIdB] = parseEntryId(b.id);
  const [msA = 0, sequenceA = 0] = streamIdA.split("-").map(Number);
  const [msB = 0, sequenceB = 0] = streamIdB.split("-").map(Number);
  return msA - msB || partitionA - partitionB || sequenceA - sequenceB;
}

function isSpent(left: Amount): boolean {
  return left.rows <= 0 || left.bytes <= 0;
}

function spend(left: Amount, entry: OutboxEntry): void {
  left.rows -= entry.rowCount;
  left.bytes -= Buffer.byteLength(entry.rows);
}

function hasMessage(error: unknown, part: string): boolean {
  return error instanceof Error && error.message.includes(part);
}
