/**
 * What the service and the process that hosts chDB say to each other over Node's IPC channel
 * (structured clone, so that bytes travel as bytes).
 */
export type ChdbCall =
  | { readonly kind: "open"; readonly id: number; readonly path: string; readonly database: string }
  | {
      readonly kind: "run";
      readonly id: number;
      readonly sql: string;
      readonly parameters: Readonly<Record<string, unknown>>;
      readonly settings: Readonly<Record<string, string | number>>;
    }
  /** A piece of what follows the statement of the `run` with this id; sent before it, not answered. */
  | { readonly kind: "body"; readonly id: number; readonly bytes: Uint8Array }
  /** The `run` with this id does not come: what was sent of its body is forgotten. Not answered. */
  | { readonly kind: "drop"; readonly id: number }
  | { readonly kind: "close"; readonly id: number };

export type ChdbReply =
  /** A piece of the result of the `run` with this id; `done` follows. */
  | { readonly id: number; readonly piece: Uint8Array }
  | { readonly id: number; readonly done: true }
  | { readonly id: number; readonly failure: ChdbFailure };

export interface ChdbFailure {
  readonly message: string;
  /** ClickHouse's number, or chDB's own name such as `CHDB_CONNECTION`; empty when neither. */
  readonly code: string;
  /** ClickHouse's name of the code, e.g. `SYNTAX_ERROR`; empty when it is not an engine's error. */
  readonly type: string;
}

/** A result may have as much; the service cuts queries off well before, see `clickhouse-event-log.ts`. */
export const resultBytesMax = 32 * 1024 * 1024;
