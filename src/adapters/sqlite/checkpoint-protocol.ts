/** `passive`: beside writes. `restart`: while nothing is written; the next write begins the log anew. `close`: ends the thread. */
export type CheckpointRequest = "passive" | "restart" | "close";

export interface CheckpointReply {
  /** Pages in the log, and those of them that are in the database too. */
  readonly pages: number;
  readonly copied: number;
  /** SQLite's message and code where it failed; with its code 5 somebody else reads or writes. */
  readonly failure?: { readonly message: string; readonly errcode: number };
}
