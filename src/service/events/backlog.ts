import type { DiskQueueSize } from "../../ports/disk-queue.ts";
import type { OutboxState } from "../../ports/state-store.ts";

/** Why the event log does not take events that wait for it. */
export interface WriteProblem {
  /** When writing first failed, Unix milliseconds. */
  readonly sinceMs: number;
  /** Of the newest attempt. */
  readonly error: unknown;
}

/** Events and reports that wait for an engine, as far as is known now. */
export interface Backlog {
  /** Events that wait for the event log; as they were when the state store was last asked. */
  readonly outbox: OutboxState;
  /** So many wait that reports are refused. */
  readonly outboxIsFull: boolean;
  /** Undefined while events are written. */
  readonly writeProblem: WriteProblem | undefined;
  /** Decisions and reports on this machine's disk that wait for the state store; undefined: there is no such place. */
  readonly spool: DiskQueueSize | undefined;
}
