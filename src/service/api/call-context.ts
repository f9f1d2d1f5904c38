/** What the transport knows about a call besides its request. */
export interface CallContext {
  /** Unix milliseconds after which nobody waits for the answer; absent: no deadline. */
  readonly deadlineMs?: number;
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal;
  /** Who calls, for the audit log: `rpc:<peer address>`. */
  readonly actor: string;
}
