import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { describe, expect, test } from "vitest";
import { ChdbProcessConnection } from "../../../src/adapters/clickhouse/chdb-connection.ts";
import {
  type OpenedEventLog,
  openChdbEventLog,
} from "../../../src/adapters/clickhouse/open-event-log.ts";
import { expectUnavailable } from "../../conformance/catalogue-fixture.ts";
import { describeEventLog } from "../../conformance/event-log-conformance.ts";
import {
  asLines,
  sampleDecision,
  sampleGenerationId,
  silentLogger,
  testClock,
} from "../../support/clickhouse-event-samples.ts";
import { closedAfterEach } from "../../support/closed-after-each.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

async function open(directory: string, requestTimeoutMs = 30_000): Promise<OpenedEventLog> {
  return openChdbEventLog({ directory, requestTimeoutMs, clock: testClock, logger: silentLogger });
}

describeEventLog("chDB", async () => {
  const { eventLog, migrator } = await open(temporaryDirectory());
  await migrator.migrate();
  return { eventLog, close: () => eventLog.close() };
});

describe("chDB in a directory", () => {
  const closing = closedAfterEach();
  const start = async (directory = temporaryDirectory()) => {
    const { eventLog, migrator } = await open(directory);
    closing(eventLog);
    await migrator.migrate();
    return eventLog;
  };
  const decision = sampleDecision();
  const row = { stream: "decisions", rows: asLines([decision]), deduplicationToken: "t" } as const;

  test("still knows every row, and every token, after it was closed and opened again", async () => {
    const directory = temporaryDirectory();
    const first = await start(directory);
    await first.append(row);
    await first.close();
    const second = await start(directory);
    await second.append(row);
    expect((await second.findGeneration(sampleGenerationId(0)))?.decision).toEqual(decision);
    const sql = "SELECT count() FROM decisions";
    const count = await second.query({ sql, rowsMax: 1, timeoutMs: 5_000 });
    expect(count.rows).toEqual([["1"]]);
  });

  test("a directory that is open already is a failed precondition that names it", async () => {
    const directory = temporaryDirectory();
    await start(directory);
    await expect(open(directory)).rejects.toMatchObject({
      code: "failed_precondition",
      reason: "EVENT_LOG_NOT_OPENED",
      message: expect.stringContaining(directory),
    });
  });

  test("a path that is a file is a failed precondition too", async () => {
    const path = join(temporaryDirectory(), "file");
    await writeFile(path, "x");
    await expect(open(path)).rejects.toMatchObject({ code: "failed_precondition" });
  });

  test("goes on with a new engine after the engine was killed; what was confirmed is still there", async () => {
    const eventLog = await start();
    await eventLog.append(row);
    const slow = eventLog
      .query({ sql: "SELECT sleep(2)", rowsMax: 1, timeoutMs: 5_000 })
      .catch((error: unknown) => error);
    const [child] = engineProcesses();
    process.kill(child as number, "SIGKILL");
    expect(await slow).toMatchObject({ code: "unavailable", retryable: true });
    expect((await eventLog.findGeneration(sampleGenerationId(0)))?.decision).toEqual(decision);
  });

  test("of an insert whose first half went to an engine that was killed, a new engine inserts nothing", async () => {
    const { client, connection } = await startClient();
    const second = Promise.withResolvers<void>();
    const rows = async function* () {
      yield Buffer.from("1\n");
      await second.promise;
      yield Buffer.from("2\n");
    };
    const insert = insertOf(client, Readable.from(rows(), { objectMode: false }));
    const outcome = insert.catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [child] = engineProcesses();
    process.kill(child as number, "SIGKILL");
    await expect.poll(() => engineProcesses()).not.toContain(child);
    await connection.open();
    second.resolve();
    expect(await outcome).toBeInstanceOf(Error);
    const count = await client.query({ query: "SELECT count() AS n FROM t", format: "JSON" });
    expect((await count.json()).data).toEqual([{ n: 0 }]);
    await client.close();
  });

  test("the engine forgets the bodies of inserts that were given up", async () => {
    const { client } = await startClient();
    const [child] = engineProcesses();
    const before = residentBytes(child as number);
    for (let index = 0; index < 100; index += 1) {
      const abort = new AbortController();
      const pieces = async function* () {
        for (let piece = 0; piece < 16; piece += 1) yield Buffer.alloc(128 * 1024, "1\n");
        abort.abort();
        yield Buffer.from("1\n");
      };
      const given = insertOf(client, Readable.from(pieces(), { objectMode: false }), abort.signal);
      await expect(given).rejects.toThrow(/abort/i);
    }
    await client.query({ query: "SELECT 1" });
    // 200 MiB were sent.
    expect(residentBytes(child as number) - before).toBeLessThan(100 * 2 ** 20);
    await client.close();
  });

  test("calls that still send their body count towards the most there may be", async () => {
    const { client } = await startClient();
    const never = Array.from({ length: 64 }, () => new Readable({ read: () => undefined }));
    const inserts = never.map((body) => insertOf(client, body).catch((error: unknown) => error));
    await expect(insertOf(client, Readable.from(["1\n"]))).rejects.toMatchObject({
      reason: "EVENT_LOG_BUSY",
      retryAfterMs: expect.any(Number),
    });
    for (const body of never) body.destroy(new Error("given up"));
    await Promise.all(inserts);
    await insertOf(client, Readable.from(["1\n"]));
    await client.close();
  });

  async function startClient() {
    const connection = new ChdbProcessConnection({ path: temporaryDirectory(), database: "test" });
    await connection.open();
    const client = createClient({ connection, log: { level: ClickHouseLogLevel.OFF } });
    await client.command({ query: "CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a" });
    return { client, connection };
  }

  test("a ping fails after a second when the engine hangs, and works again when it goes on", async () => {
    const eventLog = await start();
    const [child] = engineProcesses();
    process.kill(child as number, "SIGSTOP");
    await expectUnavailable(eventLog.ping(), 3_000);
    process.kill(child as number, "SIGCONT");
    await eventLog.ping();
  });

  test("an append of 5,000 rows takes less than 5 ms of processor time in any turn of the event loop, in the median", async () => {
    const eventLog = await start();
    const longest: number[] = [];
    for (let batch = 0; batch < 9; batch += 1) {
      const rows = asLines(
        Array.from({ length: 5_000 }, (_, index) =>
          sampleDecision({ generation_id: sampleGenerationId(index, batch) }),
        ),
      );
      let on = true;
      let last = threadCpuMs();
      let worst = 0;
      const tick = () => {
        const now = threadCpuMs();
        worst = Math.max(worst, now - last);
        last = now;
        if (on) setImmediate(tick);
      };
      tick();
      await eventLog.append({ stream: "decisions", rows, deduplicationToken: `b${batch}` });
      on = false;
      longest.push(worst);
    }
    longest.sort((a, b) => a - b);
    expect(longest[4]).toBeLessThan(5);
  });
});

async function insertOf(
  client: ReturnType<typeof createClient>,
  values: Readable,
  signal?: AbortSignal,
): Promise<void> {
  const { stream } = await client.exec({
    query: "INSERT INTO t FORMAT TSV",
    values,
    ...(signal === undefined ? {} : { abort_signal: signal }),
  });
  stream.destroy();
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

/** Not wall time: other tests on the same cores must not matter. */
function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** Children of this process that run chDB, newest first. */
function engineProcesses(): number[] {
  const report = process.report.getReport() as unknown as {
    libuv: { type: string; pid?: number }[];
  };
  return report.libuv
    .filter((handle) => handle.type === "process" && handle.pid !== undefined)
    .map((handle) => handle.pid as number)
    .reverse();
}
