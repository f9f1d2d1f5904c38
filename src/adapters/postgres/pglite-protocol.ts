import type { SqlRow, SqlValue } from "./sql-connection.ts";
import type { DatabaseFailure } from "./sql-errors.ts";

/** What the worker gets as `workerData`. */
export interface WorkerSettings {
  /** Where the database cluster lies; created when it does not exist. */
  readonly directory: string;
}

/** To the worker. Requests are done one after the other, in the order they are sent. */
export type WorkerRequest =
  | {
      readonly kind: "query";
      readonly id: number;
      readonly text: string;
      readonly params: readonly SqlValue[];
    }
  | { readonly kind: "script"; readonly id: number; readonly text: string }
  | { readonly kind: "close"; readonly id: number };

/** From the worker. */
export type WorkerReply =
  | { readonly kind: "ready" }
  | { readonly kind: "result"; readonly id: number; readonly rows: readonly SqlRow[] }
  | { readonly kind: "failure"; readonly id: number; readonly failure: DatabaseFailure };
