/**
 * The program of the process that hosts chDB; started by {@link ./chdb-connection.ts}, never imported.
 *
 * Every statement runs in a session of its own. A session costs 0.6 ms and gives what HTTP gives: its
 * settings end with it, and one that set `readonly = 1` cannot be talked out of it by the statements
 * that follow. One session is kept open for the life of the process, because closing the last one
 * stops the engine.
 */
import { getPriority, setPriority } from "node:os";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { drainPending } from "chdb";
import { type ChdbConnection, createChdbConnection } from "chdb/connection";
import {
  type ChdbCall,
  type ChdbFailure,
  type ChdbReply,
  resultBytesMax,
} from "./chdb-protocol.ts";

/** A predecessor that is still ending holds the lock of the directory for a moment. */
const openAttempts = 8;
const openRetryMs = 250;
const pieceBytes = 64 * 1024;
/** Added to the niceness of the process that decides; 19 is the most there is. */
const nicenessAbove = 10;
const nicenessMax = 19;

/*
 * The engine computes in many threads at once. Where cores are few, a decision that wakes up must not wait
 * for each of them to have its turn: on two crowded cores the 99th percentile was 38 to 47 ms with equal
 * priority and 23 to 25 ms with the lowest (19). Not the lowest, so that events go on where there is one core
 * only; docs/operating/benchmarks.md has what 10 gave. Set before the engine starts, as threads inherit it.
 */
setPriority(Math.min(nicenessMax, getPriority() + nicenessAbove));

let keeper: ChdbConnection | undefined;
let path = "";
let database = "";
const running = new Set<Promise<Uint8Array>>();
const bodies = new Map<number, Buffer[]>();

async function handle(call: Exclude<ChdbCall, { kind: "body" | "drop" }>): Promise<Uint8Array> {
  switch (call.kind) {
    case "open":
      path = call.path;
      database = call.database;
      keeper = await open();
      await keeper.command({ query: `CREATE DATABASE IF NOT EXISTS \`${database}\`` });
      return new Uint8Array();
    case "run": {
      const result = run(call);
      running.add(result);
      return result.finally(() => running.delete(result));
    }
    case "close":
      await close();
      return new Uint8Array();
  }
}

async function open(): Promise<ChdbConnection> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return createChdbConnection({ path });
    } catch (error) {
      if (attempt === openAttempts) throw error;
      await sleep(openRetryMs);
    }
  }
}

async function run(call: Extract<ChdbCall, { kind: "run" }>): Promise<Uint8Array> {
  const body = bodies.get(call.id);
  bodies.delete(call.id);
  const session = createChdbConnection({ path });
  try {
    const settings = Object.entries(call.settings)
      .map(([name, value]) => `${name} = ${typeof value === "number" ? value : quote(value)}`)
      .join(", ");
    await session.command({
      query: `USE \`${database}\`${settings === "" ? "" : `; SET ${settings}`}`,
    });
    const { stream } = await session.exec({
      query: call.sql,
      query_params: { ...call.parameters },
      ...(body === undefined ? {} : { values: Readable.from([Buffer.concat(body)]) }),
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of stream) {
      bytes += (chunk as Buffer).length;
      if (bytes > resultBytesMax) throw tooManyBytes();
      chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks);
  } finally {
    await session.close();
  }
}

function tooManyBytes(): Error {
  const message = `the result has more than ${resultBytesMax} bytes`;
  return Object.assign(new Error(message), { code: "307", type: "TOO_MANY_BYTES" });
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

async function close(): Promise<void> {
  await Promise.allSettled(running);
  await keeper?.close();
  keeper = undefined;
  await drainPending();
}

function describe(error: unknown): ChdbFailure {
  const { message, code, type } = error as { message?: string; code?: unknown; type?: unknown };
  return {
    message: message ?? String(error),
    code: typeof code === "string" ? code : "",
    type: typeof type === "string" ? type : "",
  };
}

function reply(message: ChdbReply): void {
  // Nobody is left to be told when the service has gone; `disconnect` ends this process then.
  if (process.connected) process.send?.(message);
}

/** So that no message holds the service's event loop for long. */
function replyInPieces(id: number, result: Uint8Array): void {
  for (let at = 0; at < result.length; at += pieceBytes) {
    reply({ id, piece: result.subarray(at, at + pieceBytes) });
  }
  reply({ id, done: true });
}

process.on("message", (call: ChdbCall) => {
  if (call.kind === "body") {
    const pieces = bodies.get(call.id) ?? [];
    pieces.push(Buffer.from(call.bytes));
    bodies.set(call.id, pieces);
    return;
  }
  if (call.kind === "drop") {
    bodies.delete(call.id);
    return;
  }
  handle(call).then(
    (result) => replyInPieces(call.id, result),
    (error: unknown) => reply({ id: call.id, failure: describe(error) }),
  );
});

// The service decides when the engine stops: Ctrl-C reaches the whole process group, and the last
// events are written after it. When the service is gone, however it ended, so is this process.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);
process.on("disconnect", () => {
  close().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
