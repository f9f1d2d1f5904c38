/**
 * A queue of records on this machine's disk, first in, first out, for what another engine cannot take now.
 * A record survives the end of this process in whatever way, and a loss of power, once `append` has resolved.
 * Methods reject with a {@link BanditError}: `resource_exhausted` (`DISK_QUEUE_FULL`) when the bound or the
 * disk is reached; nothing was written then.
 */
export interface DiskQueue {
  /** Stores records in this order, all or none, with one flush for the calls of one turn of the event loop. */
  append(records: readonly DiskRecordInput[]): Promise<void>;

  /**
   * The oldest records after `afterId`, about `bytesMax` at most, at least one when there is any. Ids grow
   * and are never used twice.
   */
  read(options: { bytesMax: number; afterId?: number }): readonly DiskRecord[];

  /** Whether a record with this key is in the queue. */
  has(key: string): boolean;

  /** The record with this key. */
  find(key: string): DiskRecord | undefined;

  /** Removes records for good. Idempotent. */
  remove(ids: readonly number[]): Promise<void>;

  /** What is in the queue now; costs nothing. */
  readonly size: DiskQueueSize;

  /** Idempotent. */
  close(): Promise<void>;
}

export interface DiskRecordInput {
  /** Not empty, at most 200 bytes; unique in the queue: a record whose key is there already is left as it is. */
  readonly key: string;
  readonly text: string;
}

export interface DiskRecord extends DiskRecordInput {
  readonly id: number;
}

export interface DiskQueueSize {
  readonly records: number;
  /** Bytes of the texts and keys. */
  readonly bytes: number;
  readonly bytesMax: number;
}
