import { type ChildProcess, fork } from "node:child_process";
import { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ClickHouseError, type createClient } from "@clickhouse/client";
import { withTimeout } from "../../concurrency/in-time.ts";
import { BanditError } from "../../domain/errors.ts";
import type { ChdbCall, ChdbFailure, ChdbReply } from "./chdb-protocol.ts";

/** The client does not export the interface; this is its only public trace. */
type Connection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>["connection"]>;
type QueryParams = Parameters<Connection["query"]>[0];
type CommandResult = Awaited<ReturnType<Connection["command"]>>;

const callsMax = 64;
const openTimeoutMs = 20_000;
const closeTimeoutMs = 10_000;
const stderrCharsMax = 4_096;

/** Settings of ClickHouse's HTTP interface; the engine does not know them. */
const httpOnlySettings = new Set([
  "wait_end_of_query",
  "cancel_http_readonly_queries_on_client_close",
]);

type CallWithoutId = ChdbCall extends infer Call
  ? Call extends ChdbCall
    ? Omit<Call, "id">
    : never
  : never;

type Pieces = readonly Uint8Array[];
type Signal = AbortSignal | undefined;

interface Pending {
  readonly pieces: Uint8Array[];
  resolve(): void;
  reject(error: Error): void;
}

/**
 * chDB as a connection of @clickhouse/client: `createClient({ connection: new ChdbProcessConnection(…) })`.
 * That hook is experimental; everything that depends on it is in this file and `chdb-process.ts`.
 *
 * The engine runs in a process of its own. Measured (four cores shared with other work, so the
 * figures are upper bounds): in this process, loading the library stops the event loop for 860 ms,
 * connecting for 160–200 ms and every insert of 5,000 rows for 3–23 ms, where a decision may be held up
 * for 5 ms at most; a query of 2 s does not stop it (< 1 ms). A worker thread takes the blocking away,
 * but the process then ended with a segmentation fault in each of seven tries, however the engine and
 * the worker were closed (chdb 3.4). Another process holds this one up for 0.9–2 ms per append in the
 * median (7–9 at worst) with rows sent in pieces of 128 KB, for 3.5–4.3 ms (10–12) with 3 MB at once.
 * And a crash of the engine is a failed insert, not a crash of the service: the next call starts it again.
 */
export class ChdbProcessConnection implements Connection {
  readonly #path: string;
  readonly #database: string;
  readonly #pending = new Map<number, Pending>();
  #child: ChildProcess | undefined;
  #ready: Promise<void> | undefined;
  #stderr = "";
  /** Calls under way, those that are still sending their body included. */
  #running = 0;
  #lastId = 0;
  #closed = false;

  constructor(options: { path: string; database: string }) {
    this.#path = options.path;
    this.#database = options.database;
  }

  /**
   * Starts the engine, unless it runs already. Every other call does that by itself.
   * @throws BanditError failed_precondition when the directory is in use or cannot be written
   */
  async open(): Promise<void> {
    if (this.#closed) throw new Error("the chDB connection is closed");
    this.#ready ??= this.#start().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    await this.#ready;
  }

  async query(params: QueryParams): ReturnType<Connection["query"]> {
    return { ...baseResult(params), stream: readable(await this.#run(params)) };
  }

  async exec(params: Parameters<Connection["exec"]>[0]): ReturnType<Connection["exec"]> {
    return { ...baseResult(params), stream: readable(await this.#run(params, params.values)) };
  }

  async command(params: QueryParams): Promise<CommandResult> {
    await this.#run(params);
    return baseResult(params);
  }

  async insert(params: Parameters<Connection["insert"]>[0]): ReturnType<Connection["insert"]> {
    await this.#run(params, params.values);
    return baseResult(params);
  }

  async ping(params: Parameters<Connection["ping"]>[0]): ReturnType<Connection["ping"]> {
    try {
      await this.#run({ query: "SELECT 1", abort_signal: params.abort_signal } as QueryParams);
      return { success: true };
    } catch (error) {
      return { success: false, error: error as Error };
    }
  }

  /** Waits for calls under way. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#ready?.catch(() => undefined); // the caller that opened it has the error
    const child = this.#child;
    if (child === undefined) return;
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const ended = withTimeout(exited, closeTimeoutMs, () => {
      child.kill("SIGKILL");
      return exited;
    });
    // When the process dies instead of answering, it is closed too.
    await this.#call({ kind: "close" }).catch(() => undefined);
    if (child.connected) child.disconnect();
    await ended;
  }

  async #run(params: QueryParams, body?: Readable | string): Promise<Pieces> {
    await this.open();
    const settings: Record<string, string | number> = {};
    for (const [name, value] of Object.entries(params.clickhouse_settings ?? {})) {
      if (value === undefined || httpOnlySettings.has(name)) continue;
      settings[name] = typeof value === "number" ? value : String(value);
    }
    const call: CallWithoutId = {
      kind: "run",
      sql: params.query,
      parameters: params.query_params ?? {},
      settings,
    };
    if (this.#running >= callsMax) {
      throw new BanditError("unavailable", `chDB has ${callsMax} calls under way already`, {
        reason: "EVENT_LOG_BUSY",
        retryAfterMs: 100,
      });
    }
    const child = this.#child;
    const id = this.#nextId();
    const signal = params.abort_signal;
    this.#running += 1;
    try {
      if (body !== undefined) await this.#sendBody({ child, id, signal }, body);
      return await this.#call(call, { child, id, signal });
    } catch (error) {
      // The engine's process keeps a body until its statement comes, which it does not now.
      if (body !== undefined && child?.connected === true) child.send({ kind: "drop", id });
      throw error;
    } finally {
      this.#running -= 1;
    }
  }

  /**
   * Piece by piece, with a turn of the event loop after each; all to the process that gets the statement, because one
   * that was started meanwhile would insert the rest as if it were the whole.
   */
  async #sendBody(
    { child, id, signal }: { child: ChildProcess | undefined; id: number; signal: Signal },
    body: Readable | string,
  ): Promise<void> {
    for await (const bytes of typeof body === "string" ? [Buffer.from(body)] : body) {
      if (signal?.aborted === true) throw aborted();
      if (child?.connected !== true) throw this.#gone();
      child.send({ kind: "body", id, bytes } satisfies ChdbCall);
      await nextTurn();
    }
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  #call(
    call: CallWithoutId,
    options: { child?: ChildProcess | undefined; id?: number; signal?: Signal } = {},
  ): Promise<Pieces> {
    const { signal, id = this.#nextId(), child = this.#child } = options;
    if (child?.connected !== true || child !== this.#child) return Promise.reject(this.#gone());
    if (signal?.aborted === true) return Promise.reject(aborted());
    return new Promise<Pieces>((resolve, reject) => {
      // An abandoned statement runs on until its `max_execution_time`; its answer is dropped.
      const abandon = () => reject(aborted());
      signal?.addEventListener("abort", abandon, { once: true });
      const settle = () => {
        this.#pending.delete(id);
        signal?.removeEventListener("abort", abandon);
      };
      const pieces: Uint8Array[] = [];
      this.#pending.set(id, {
        pieces,
        resolve: () => {
          settle();
          resolve(pieces);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      child.send({ ...call, id }, (error) => {
        if (error !== null) this.#pending.get(id)?.reject(error);
      });
    });
  }

  async #start(): Promise<void> {
    const program = fileURLToPath(new URL("./chdb-process.ts", import.meta.url));
    const child = fork(program, {
      serialization: "advanced",
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#child = child;
    this.#stderr = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-stderrCharsMax);
    });
    child.on("message", (message) => this.#receive(message as ChdbReply));
    child.on("error", () => this.#forget(child));
    child.on("exit", () => this.#forget(child));
    const opening = { kind: "open", path: this.#path, database: this.#database } as const;
    try {
      await this.#call(opening, { signal: AbortSignal.timeout(openTimeoutMs) });
    } catch (error) {
      child.kill("SIGKILL");
      throw new BanditError(
        "failed_precondition",
        `chDB cannot open ${this.#path}: it is in use by another process, or not a directory this process may write to`,
        { reason: "EVENT_LOG_NOT_OPENED", cause: new Error(this.#stderr, { cause: error }) },
      );
    }
  }

  #receive(message: ChdbReply): void {
    const pending = this.#pending.get(message.id);
    if ("failure" in message) pending?.reject(engineError(message.failure));
    else if ("piece" in message) pending?.pieces.push(message.piece);
    else pending?.resolve();
  }

  #forget(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#ready = undefined;
    for (const pending of [...this.#pending.values()]) pending.reject(this.#gone());
  }

  #gone(): Error {
    return new Error(`the chDB process has ended. ${this.#stderr}`.trimEnd());
  }
}

function aborted(): Error {
  return new Error("the call was aborted");
}

function engineError(failure: ChdbFailure): Error {
  if (failure.type === "") return new Error(failure.message);
  return new ClickHouseError({ ...failure });
}

function baseResult(params: QueryParams): CommandResult {
  return { query_id: params.query_id ?? "", response_headers: {}, http_status_code: 200 };
}

function readable(pieces: Pieces): Readable {
  const buffers = pieces.map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength),
  );
  return Readable.from(buffers, { objectMode: false });
}
