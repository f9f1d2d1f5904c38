// Copies the log of a SQLite file into the file on a thread of its own: it flushes both, which on a busy disk takes
// tens of milliseconds, and the thread that answers decisions must never wait that long.
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { invariant } from "../../domain/errors.ts";
import type { CheckpointReply, CheckpointRequest } from "./checkpoint-protocol.ts";
import { isOfSqlite } from "./sqlite-errors.ts";

invariant(parentPort !== null, "checkpoint-worker.ts runs as a worker thread");
const port = parentPort;
const busy = 5;
// Others that read the file, a backup say, keep the log from beginning anew: they are waited for a moment only.
const database = new DatabaseSync(workerData as string, { timeout: 50 });
database.exec("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0");

port.on("message", (request: CheckpointRequest) => {
  if (request === "close") {
    database.close();
    port.close();
    return;
  }
  port.postMessage(answer(request));
});

function answer(request: "passive" | "restart"): CheckpointReply {
  try {
    const reply = checkpoint(request === "restart" ? "RESTART" : "PASSIVE");
    if (request === "restart" && reply.failure === undefined) {
      // The first write to a log that begins anew flushes the log's head: here, and not where decisions are answered.
      const version = database.prepare("PRAGMA user_version").get() as { user_version: number };
      database.exec(`PRAGMA user_version = ${version.user_version}`);
    }
    return reply;
  } catch (error) {
    if (!isOfSqlite(error)) throw error;
    return { pages: 0, copied: 0, failure: { message: error.message, errcode: error.errcode } };
  }
}

function checkpoint(mode: "RESTART" | "PASSIVE"): CheckpointReply {
  const row = database.prepare(`PRAGMA wal_checkpoint(${mode})`).get() as {
    busy: number;
    log: number;
    checkpointed: number;
  };
  return {
    pages: row.log,
    copied: row.checkpointed,
    ...(row.busy === 0 ? {} : { failure: { message: "the file is in use", errcode: busy } }),
  };
}
