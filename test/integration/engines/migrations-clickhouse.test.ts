import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  connectClickHouseEventLog,
  type OpenedEventLog,
} from "../../../src/adapters/clickhouse/open-event-log.ts";
import { describeMigrator } from "../../conformance/migrator-conformance.ts";
import { sampleDecision, silentLogger, testClock } from "../../support/clickhouse-event-samples.ts";
import { type ClickHouseFront, startClickHouseFront } from "../../support/clickhouse-front.ts";

let front: ClickHouseFront;
let database = "";
let databases = 0;
const opened: OpenedEventLog[] = [];

beforeAll(async () => {
  front = await startClickHouseFront();
});
afterAll(async () => {
  for (const { eventLog } of opened) await eventLog.close();
  await front.stop();
});

function open(
  options: Partial<Parameters<typeof connectClickHouseEventLog>[0]> = {},
): OpenedEventLog {
  const log = connectClickHouseEventLog({
    url: `${front.url}/${database}`,
    clock: testClock,
    logger: silentLogger,
    requestTimeoutMs: 10_000,
    ...options,
  });
  opened.push(log);
  return log;
}

async function rows(sql: string): Promise<readonly (readonly unknown[])[]> {
  const result = await open().eventLog.query({ sql, rowsMax: 1_000, timeoutMs: 5_000 });
  return result.rows;
}

function newDatabase(): void {
  databases += 1;
  database = `migration_${databases}`;
}

describeMigrator("SqlMigrator on ClickHouse", async () => {
  newDatabase();
  return {
    engine: "clickhouse",
    hasTransactions: false,
    connect: async (directory) => open({ migrationsDirectory: directory }).migrator,
    createTable: (name) =>
      `CREATE TABLE IF NOT EXISTS ${name} (a Int32) ENGINE = MergeTree ORDER BY a;\n`,
    hasTable: async (name) => (await rows(`EXISTS TABLE ${name}`))[0]?.[0] === 1,
    drop: async () => undefined, // with the engine
  };
});

describe("the migrations of the event log", () => {
  beforeEach(newDatabase);

  test("cost one statement when the schema is up to date", async () => {
    await open({ retentionDays: 30 }).migrator.migrate();
    const before = front.statements().length;
    await open({ retentionDays: 30 }).migrator.migrate();
    expect(front.statements().length - before).toBe(1);
  });

  test("give every table, view and column a comment", async () => {
    await open().migrator.migrate();
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
    await open().migrator.migrate();
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

  test("set, change and remove the retention, and rows past it are gone", async () => {
    const ttl = async () =>
      (
        await rows(
          `SELECT extract(create_table_query, 'toIntervalDay\\\\((\\\\d+)\\\\)') FROM system.tables WHERE database = '${database}' AND engine LIKE 'Replacing%'`,
        )
      ).flat();
    await open().migrator.migrate();
    expect(await ttl()).toEqual(["", "", "", ""]);
    const client = createClient({
      url: front.url,
      database,
      log: { level: ClickHouseLogLevel.OFF },
    });
    await client.insert({
      table: "decisions",
      values: [sampleDecision({ decided_at: "2020-01-01 00:00:00.000" })],
      format: "JSONEachRow",
    });
    await open({ retentionDays: 90 }).migrator.migrate();
    expect(await ttl()).toEqual(["90", "90", "90", "90"]);
    await client.command({ query: "OPTIMIZE TABLE decisions FINAL" });
    expect(await rows("SELECT count() FROM decisions")).toEqual([["0"]]);
    await open({ retentionDays: 30 }).migrator.migrate();
    expect(await ttl()).toEqual(["30", "30", "30", "30"]);
    await open().migrator.migrate();
    expect(await ttl()).toEqual(["", "", "", ""]);
  });
});
