// Runs PGlite on a thread of its own: it computes on the thread it is called on, for seconds at its
// start, and the thread that answers decisions must never wait that long.
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { PGlite } from "@electric-sql/pglite";
import { invariant } from "../../domain/errors.ts";
import { DurableFileSystem, durableStartParams, syncDirectory } from "./durable-file-system.ts";
import type { WorkerReply, WorkerRequest, WorkerSettings } from "./pglite-protocol.ts";
import type { DatabaseFailure } from "./sql-errors.ts";

/** Says that the cluster was created completely. */
const completeMarker = "banditd-complete";
// The catalogue is small: little memory, and a short log to recover.
const memoryParams = ["-c", "shared_buffers=16MB", "-c", "max_wal_size=64MB"];
// Measured: 28 MB on disk instead of 39, and the first start is no slower.
const initParams = ["--wal-segsize=1", "--no-data-checksums"];

invariant(parentPort !== null, "pglite-worker.ts runs as a worker thread");
const port = parentPort;
const { directory } = workerData as WorkerSettings;

/**
 * The driver decodes each value by itself, so U+FEFF at the start of a text is a character of it and no byte order mark,
 * which a decoder takes away unless told otherwise.
 */
class ValueDecoder extends TextDecoder {
  constructor(label?: string, options?: ConstructorParameters<typeof TextDecoder>[1]) {
    super(label, { ignoreBOM: true, ...options });
  }
}
globalThis.TextDecoder = ValueDecoder;

const isNew = setAsideIncomplete(directory);
const database = await PGlite.create({
  fs: new DurableFileSystem(directory),
  startParams: [...durableStartParams(PGlite.defaultStartParams), ...memoryParams],
  initDbStartParams: initParams,
});
if (isNew) writeFileSync(join(directory, completeMarker), "");
let turn: Promise<void> = Promise.resolve();
port.on("message", (request: WorkerRequest) => {
  turn = turn.then(() => answer(request));
});
reply({ kind: "ready" });
// Postgres itself flushes what it writes from now on; this is only for the files it was created with.
const initialSync = isNew ? syncDirectory(directory).catch(ignoreMovedFiles) : Promise.resolve();

async function answer(request: WorkerRequest): Promise<void> {
  try {
    if (request.kind === "query") {
      const { rows } = await database.query<Record<string, unknown>>(request.text, [
        ...request.params,
      ]);
      reply({ kind: "result", id: request.id, rows });
      return;
    }
    if (request.kind === "script") {
      await database.exec(request.text);
    } else {
      await initialSync;
      await database.close();
    }
    reply({ kind: "result", id: request.id, rows: [] });
  } catch (error) {
    reply({ kind: "failure", id: request.id, failure: describeFailure(error) });
  }
}

function reply(message: WorkerReply): void {
  port.postMessage(message);
}

/** An error object loses its own fields on the way between threads. */
function describeFailure(error: unknown): DatabaseFailure {
  const fields = error as { message?: unknown; code?: unknown; constraint?: unknown };
  return {
    message: String(fields.message ?? error),
    ...(typeof fields.code === "string" ? { code: fields.code } : {}),
    ...(typeof fields.constraint === "string" ? { constraint: fields.constraint } : {}),
  };
}

/**
 * A process that ended while it created the cluster leaves a part of one, which Postgres would take
 * for a whole one. Nothing was stored in it yet; it is kept beside the new one all the same.
 * @returns true when the cluster is to be created.
 */
function setAsideIncomplete(clusterDirectory: string): boolean {
  if (existsSync(join(clusterDirectory, completeMarker))) return false;
  if (existsSync(clusterDirectory)) {
    const aside = `${clusterDirectory}.incomplete`;
    rmSync(aside, { recursive: true, force: true });
    renameSync(clusterDirectory, aside);
  }
  return true;
}

/** Files come and go while Postgres works; those that have gone need no flush. */
function ignoreMovedFiles(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}
