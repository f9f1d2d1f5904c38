import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  ClickHouseMigrator,
  type ClickHouseMigratorOptions,
} from "../../../src/adapters/clickhouse/clickhouse-migrator.ts";
import { connectClickHouseEventLog } from "../../../src/adapters/clickhouse/open-event-log.ts";
import { sampleDecision, silentLogger, testClock } from "../../support/clickhouse-event-samples.ts";
import { type ClickHouseFront, startClickHouseFront } from "../../support/clickhouse-front.ts";

const source = new URL("../../../migrations/clickhouse/", import.meta.url);
const names = [
  "0001_create_events",
  "0002_create_views",
  "0003_add_forgetting_and_context",
  "0004_create_dead_letters",
];
let front: ClickHouseFront;
let database = "";
let databases = 0;
let directory = "";
const clients: ReturnType<typeof createClient>[] = [];

beforeAll(async () => {
  front = await startClickHouseFront();
});
beforeEach(async () => {
  databases += 1;
  database = `migration_${databases}`;
  directory = await mkdtemp(join(tmpdir(), "banditd-migrations-"));
  await cp(source, directory, { recursive: true });
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await front.stop();
});

function migrator(options: Partial<ClickHouseMigratorOptions> = {}): ClickHouseMigrator {
  const client = createClient({ url: front.url, database, log: { level: ClickHouseLogLevel.OFF } });
  clients.push(client);
  return new ClickHouseMigrator({
    client,
    createDatabase: async () => {
      const bare = createClient({ url: front.url });
      await bare.command({ query: `CREATE DATABASE IF NOT EXISTS ${database}` });
      await bare.close();
    },
    clock: testClock,
    logger: silentLogger,
    statementTimeoutMs: 10_000,
    directory: pathToFileURL(`${directory}/`),
    ...options,
  });
}

async function rows(sql: string): Promise<readonly (readonly unknown[])[]> {
  const { eventLog } = connectClickHouseEventLog({
    url: `${front.url}/${database}`,
    clock: testClock,
    logger: silentLogger,
  });
  const result = await eventLog.query({ sql, rowsMax: 1_000, timeoutMs: 5_000 });
  await eventLog.close();
  return result.rows;
}

describe("the migrations of the event log", () => {
  test("are all pending at first, then all applied, then nothing is left to do", async () => {
    const under = migrator();
    const before = await under.status();
    expect(before.map(({ name }) => name)).toEqual(names);
    expect(before.every(({ appliedAtMs }) => appliedAtMs === undefined)).toBe(true);
    expect(await under.migrate()).toHaveLength(before.length);
    expect(await under.migrate()).toEqual([]);
    const after = await under.status();
    expect(after.map(({ checksum }) => checksum)).toEqual(before.map(({ checksum }) => checksum));
    expect(after.every(({ appliedAtMs }) => (appliedAtMs ?? 0) > 1.7e12)).toBe(true);
  });

  test("cost one statement when the schema is up to date", async () => {
    await migrator({ retentionDays: 30 }).migrate();
    const before = front.statements().length;
    await migrator({ retentionDays: 30 }).migrate();
    expect(front.statements().length - before).toBe(1);
  });

  test("ten processes at once end with one row per file", async () => {
    await Promise.all(Array.from({ length: 10 }, () => migrator().migrate()));
    expect(
      await rows(
        "SELECT name, uniqExact(checksum) FROM schema_migration GROUP BY name ORDER BY name",
      ),
    ).toEqual(names.map((name) => [name, "1"]));
    expect(await migrator().migrate()).toEqual([]);
  });

  test("a file that was applied half is applied again as a whole", async () => {
    const path = join(directory, "0099_add_things.sql");
    const good = "CREATE TABLE IF NOT EXISTS one (a Int32) ENGINE = MergeTree ORDER BY a;\n";
    await writeFile(path, `${good}CREATE NONSENSE;\n`);
    await expect(migrator().migrate()).rejects.toMatchObject({
      code: "failed_precondition",
      reason: "MIGRATION_REFUSED",
    });
    expect((await migrator().status()).at(-1)?.appliedAtMs).toBeUndefined();
    await writeFile(
      path,
      `${good}CREATE TABLE IF NOT EXISTS two (a Int32) ENGINE = MergeTree ORDER BY a;\n`,
    );
    expect((await migrator().migrate()).map(({ name }) => name)).toEqual(["0099_add_things"]);
    expect(await rows("EXISTS TABLE two")).toEqual([[1]]);
  });

  test("an applied file that was edited is a failed precondition, for migrate and for status", async () => {
    await migrator().migrate();
    const path = join(directory, "0001_create_events.sql");
    await writeFile(path, `${await readFile(path, "utf8")}\n-- edited\n`);
    const changed = { code: "failed_precondition", reason: "MIGRATION_CHANGED" };
    await expect(migrator().migrate()).rejects.toMatchObject(changed);
    await expect(migrator().status()).rejects.toMatchObject(changed);
  });

  test("an applied file that is gone is a failed precondition", async () => {
    await migrator().migrate();
    await rm(join(directory, "0002_create_views.sql"));
    await expect(migrator().migrate()).rejects.toMatchObject({
      code: "failed_precondition",
      reason: "MIGRATION_GONE",
    });
  });

  test("give every table, view and column a comment", async () => {
    await migrator().migrate();
    expect(
      await rows(`SELECT name FROM system.tables WHERE database = '${database}' AND comment = ''`),
    ).toEqual([]);
    expect(
      await rows(
        `SELECT table, name FROM system.columns WHERE database = '${database}' AND comment = ''`,
      ),
    ).toEqual([]);
    const [count] = await rows(`SELECT count() FROM system.columns WHERE database = '${database}'`);
    expect(Number(count?.[0])).toBeGreaterThan(150);
  });

  test("keep clocks and mutable fields out of every sort key", async () => {
    await migrator().migrate();
    const key = "agent_type, code_type, generation_id";
    expect(
      await rows(
        `SELECT name, sorting_key FROM system.tables WHERE database = '${database}' AND engine LIKE 'Replacing%' ORDER BY name`,
      ),
    ).toEqual([
      ["dead_letters", "dead_letter_id"],
      ["decisions", key],
      ["generations", key],
      ["outcomes", `${key}, outcome_id`],
    ]);
  });

  test("give rows of version 0.1.0 the place in forgetting and the context that they had: none", async () => {
    const later = join(directory, "0003_add_forgetting_and_context.sql");
    const text = await readFile(later);
    await rm(later);
    await migrator().migrate();
    const client = createClient({
      url: front.url,
      database,
      log: { level: ClickHouseLogLevel.OFF },
    });
    clients.push(client);
    const { forgetting_position, context_epoch, context, ...row } = sampleDecision();
    await client.insert({ table: "decisions", values: [row], format: "JSONEachRow" });
    await writeFile(later, text);
    expect((await migrator().migrate()).map(({ name }) => name)).toContain(names[2]);
    for (const table of ["decisions", "generation_full"]) {
      expect(
        await rows(`SELECT forgetting_position, context_epoch, context FROM ${table}`),
        table,
      ).toEqual([[forgetting_position, String(context_epoch), context]]);
    }
  });

  test("set, change and remove the retention, and rows past it are gone", async () => {
    const ttl = async () =>
      (
        await rows(
          `SELECT extract(create_table_query, 'toIntervalDay\\\\((\\\\d+)\\\\)') FROM system.tables WHERE database = '${database}' AND engine LIKE 'Replacing%'`,
        )
      ).flat();
    await migrator().migrate();
    expect(await ttl()).toEqual(["", "", "", ""]);
    const client = createClient({
      url: front.url,
      database,
      log: { level: ClickHouseLogLevel.OFF },
    });
    clients.push(client);
    await client.insert({
      table: "decisions",
      values: [sampleDecision({ decided_at: "2020-01-01 00:00:00.000" })],
      format: "JSONEachRow",
    });
    await migrator({ retentionDays: 90 }).migrate();
    expect(await ttl()).toEqual(["90", "90", "90", "90"]);
    await client.command({ query: "OPTIMIZE TABLE decisions FINAL" });
    expect(await rows("SELECT count() FROM decisions")).toEqual([["0"]]);
    await migrator({ retentionDays: 30 }).migrate();
    expect(await ttl()).toEqual(["30", "30", "30", "30"]);
    await migrator().migrate();
    expect(await ttl()).toEqual(["", "", "", ""]);
  });
});
