import { Worker } from "node:worker_threads";
import { withTimeout } from "../../concurrency/in-time.ts";
import { BanditError } from "../../domain/errors.ts";
import { keepWasmCode } from "./keep-wasm-code.ts";
import type { WorkerReply, WorkerRequest, WorkerSettings } from "./pglite-protocol.ts";
import {
  beginStatement,
  endStatement,
  type SqlConnection,
  type SqlExecutor,
  type SqlRow,
  type SqlValue,
  type TransactionOptions,
} from "./sql-connection.ts";
import { type DatabaseFailure, translateSqlError, unavailable } from "./sql-errors.ts";

export interface PgliteConnectionOptions {
  readonly directory: string;
  /** Longest time for each statement; PGlite cannot be interrupted, so a slower one ends the worker. */
  readonly statementTimeoutMs: number;
}

interface Pending {
  resolve(rows: readonly SqlRow[]): void;
  reject(error: BanditError): void;
}

type RequestBody =
  | { kind: "query"; text: string; params: readonly SqlValue[] }
  | { kind: "script"; text: string }
  | { kind: "close" };

/** The first start creates the cluster: measured 2 to 3 s on two cores. */
const startTimeoutMs = 60_000;
const closeTimeoutMs = 10_000;
const waitingMax = 1000;

/**
 * Postgres inside this process, on a thread of its own. One connection: transactions wait for each
 * other. A worker that fails is started again by the next call; what was committed is still there.
 */
export class PgliteConnection implements SqlConnection {
  readonly #options: PgliteConnectionOptions;
  readonly #pending = new Map<number, Pending>();
  #worker: { readonly thread: Worker; readonly ready: Promise<void> } | undefined;
  #nextId = 1;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closing: Promise<void> | undefined;
  /** Two workers must never have the same files open. */
  #ended: Promise<unknown> = Promise.resolve();

  constructor(options: PgliteConnectionOptions) {
    this.#options = options;
  }

  /** Resolves when the database can be used. @throws unavailable */
  async start(): Promise<void> {
    await this.#exclusively(async () => undefined);
  }

  query(text: string, options?: { timeoutMs?: number }): Promise<readonly SqlRow[]> {
    const timeoutMs = options?.timeoutMs ?? this.#options.statementTimeoutMs;
    return this.#exclusively(() => this.#send({ kind: "query", text, params: [] }, timeoutMs));
  }

  transaction<T>(
    work: (transaction: SqlExecutor) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T> {
    const timeoutMs = options?.statementTimeoutMs ?? this.#options.statementTimeoutMs;
    const script = async (text: string): Promise<void> => {
      await this.#send({ kind: "script", text }, timeoutMs);
    };
    return this.#exclusively(async () => {
      await script(beginStatement(options));
      try {
        const result = await work({
          query: (text, params) =>
            this.#send({ kind: "query", text, params: params ?? [] }, timeoutMs),
          script,
        });
        await script(endStatement(options));
        return result;
      } catch (error) {
        await this.#rollBack();
        throw error;
      }
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#afterOthers(() => this.#shutDown());
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    await this.#ended;
    const worker = this.#worker;
    if (worker === undefined) return;
    try {
      await worker.ready;
      await this.#send({ kind: "close" }, closeTimeoutMs);
    } finally {
      this.#worker = undefined;
      await worker.thread.terminate();
    }
  }

  /** Without a worker there is nothing to roll back: its transaction ended with it. */
  async #rollBack(): Promise<void> {
    if (this.#worker === undefined) return;
    try {
      await this.#send({ kind: "script", text: "ROLLBACK" }, this.#options.statementTimeoutMs);
    } catch (error) {
      this.#abandon(translateSqlError(error));
    }
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) {
      return Promise.reject(unavailable(new Error("the catalogue is closed")));
    }
    if (this.#waiting >= waitingMax) {
      return Promise.reject(
        new BanditError("resource_exhausted", "too many calls wait for the catalogue", {
          reason: "CATALOGUE_BUSY",
          retryAfterMs: 100,
        }),
      );
    }
    return this.#afterOthers(async () => {
      await this.#ended;
      this.#worker ??= this.#startWorker();
      await this.#worker.ready;
      return work();
    });
  }

  #afterOthers<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    const result = this.#turn.then(work).finally(() => {
      this.#waiting -= 1;
    });
    // The next one's turn comes however this one ends; its caller gets the error.
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #startWorker(): { thread: Worker; ready: Promise<void> } {
    keepWasmCode();
    const workerData: WorkerSettings = { directory: this.#options.directory };
    const thread = new Worker(new URL("./pglite-worker.ts", import.meta.url), { workerData });
    const ready = Promise.withResolvers<void>();
    const fail = (cause: unknown): void => {
      const error = unavailable(cause);
      ready.reject(error);
      if (this.#worker?.thread === thread) this.#abandon(error);
    };
    thread.on("error", fail);
    thread.on("exit", (code) => fail(new Error(`the PGlite worker ended with code ${code}`)));
    thread.on("message", (reply: WorkerReply) => {
      if (reply.kind === "ready") ready.resolve();
      else this.#settle(reply);
    });
    withTimeout(ready.promise, startTimeoutMs, () =>
      fail(new Error("PGlite did not start in time")),
    ).catch(() => undefined); // the caller that asked for the worker awaits the same promise
    return { thread, ready: ready.promise };
  }

  #settle(reply: Exclude<WorkerReply, { kind: "ready" }>): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (reply.kind === "result") pending?.resolve(reply.rows);
    else pending?.reject(translateSqlError(toError(reply.failure)));
  }

  #send(body: RequestBody, timeoutMs: number): Promise<readonly SqlRow[]> {
    const worker = this.#worker;
    if (worker === undefined) return Promise.reject(unavailable(new Error("the worker ended")));
    const id = this.#nextId;
    this.#nextId += 1;
    const answer = Promise.withResolvers<readonly SqlRow[]>();
    this.#pending.set(id, answer);
    const request: WorkerRequest = { ...body, id };
    worker.thread.postMessage(request);
    return withTimeout(answer.promise, timeoutMs, () => {
      const error = unavailable(new Error(`no answer from PGlite within ${timeoutMs} ms`));
      this.#abandon(error);
      throw error;
    });
  }

  /** Ends the worker and everything that waits for it. */
  #abandon(error: BanditError): void {
    const worker = this.#worker;
    this.#worker = undefined;
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    if (worker !== undefined) this.#ended = worker.thread.terminate();
  }
}

function toError(failure: DatabaseFailure): Error {
  return Object.assign(new Error(failure.message), failure);
}
