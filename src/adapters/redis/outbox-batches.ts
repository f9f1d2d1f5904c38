import { batchesKey, metaKey } from "./keys.ts";
import type { RunStep } from "./partition-steps.ts";

/** The entries of one partition that are in a batch: all between two ids, both included. */
export interface BatchPart {
  readonly partition: number;
  readonly first: string;
  readonly last: string;
  /** Of the ids, see `digestOf` in outbox-streams.ts. */
  readonly digest: string;
}

/** What is known of a batch that is under way. */
export interface BatchRecord {
  readonly id: string;
  /** It is in the event log; its entries are only to be removed. */
  readonly isConfirmed: boolean;
  /** One for each partition at most. */
  readonly parts: readonly BatchPart[];
}

export interface BatchesUnderWay {
  /** How many were ever added; changes with each one. */
  readonly addedEver: number;
  readonly all: readonly BatchRecord[];
  /** The asking consumer's oldest, its own from now on if it was not before. */
  readonly own?: BatchRecord;
  /** {@link own} belonged to a consumer that has been silent for too long. */
  readonly wasTakenOver: boolean;
}

/** The records of all batches under way, in the first partition, seen by one consumer. */
export class OutboxBatches {
  readonly #run: RunStep;
  readonly #consumer: string;
  readonly #claimIdleMs: number;

  constructor(options: { run: RunStep; consumer: string; claimIdleMs: number }) {
    this.#run = options.run;
    this.#consumer = options.consumer;
    this.#claimIdleMs = options.claimIdleMs;
  }

  /** Renews the hold of the consumer on its batch; gives it one that has lost its owner if it has none. */
  async look(): Promise<BatchesUnderWay> {
    const keys = [batchesKey, metaKey];
    const args = [this.#consumer, this.#claimIdleMs];
    const reply = await this.#run("look-at-batches-2", keys, args);
    const [addedEver, ownId, wasSilent, fields] = reply as [number, Buffer, number, Buffer[]];
    const all: BatchRecord[] = [];
    for (let at = 0; at < fields.length; at += 2) {
      all.push({ ...JSON.parse(String(fields[at + 1])), id: String(fields[at]) });
    }
    const own = all.find((batch) => batch.id === ownId.toString());
    return { addedEver, all, wasTakenOver: wasSilent === 1, ...(own === undefined ? {} : { own }) };
  }

  /** @returns false, and does nothing, when another one was added since `addedEver` was looked up. */
  async add(addedEver: number, batch: Pick<BatchRecord, "id" | "parts">): Promise<boolean> {
    const args = [addedEver, batch.id, this.#consumer, JSON.stringify(batch.parts)];
    return (await this.#run("add-batch-2", [batchesKey, metaKey], args)) === 1;
  }

  /** @returns false when it is not under way any more. Idempotent. */
  async confirm(id: string): Promise<boolean> {
    return (await this.#run("confirm-batch-1", [batchesKey], [id])) === 1;
  }

  /** To be called when the entries of a confirmed batch are gone. Idempotent. */
  async forget(id: string): Promise<void> {
    await this.#run("forget-batch-1", [batchesKey], [id, "confirmed"]);
  }

  /** Gives the entries of a batch back. @returns false, and does nothing, when it is confirmed or gone */
  async dissolve(id: string): Promise<boolean> {
    return (await this.#run("forget-batch-1", [batchesKey], [id, "not confirmed"])) === 1;
  }

  /** Leaves the consumer's batch to the next process that asks. */
  async leave(): Promise<void> {
    await this.#run("leave-batches-1", [batchesKey], [this.#consumer]);
  }
}
