import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import type { OpenedPostgres } from "../../../src/adapters/postgres/open-postgres.ts";
import { expectBanditError } from "../../conformance/catalogue-fixture.ts";
import { describeMigrator } from "../../conformance/migrator-conformance.ts";
import { createDatabase } from "../../support/postgres.ts";
import { openCatalogue, query } from "./catalogue-setup.ts";

const opened: OpenedPostgres[] = [];
let database: Awaited<ReturnType<typeof createDatabase>>;

async function open(...options: Parameters<typeof openCatalogue>): Promise<OpenedPostgres> {
  const postgres = await openCatalogue(...options);
  opened.push(postgres);
  return postgres;
}

async function closeAndDrop(): Promise<void> {
  await Promise.all(opened.splice(0).map(({ catalogue }) => catalogue.close()));
  await database.drop(); // fails when a connection is left
}

describeMigrator("SqlMigrator on Postgres", async () => {
  database = await createDatabase(inject("postgresUrl"));
  return {
    engine: "postgres",
    hasTransactions: true,
    connect: async (directory) =>
      (await open(database.url, { migrationsDirectory: directory })).migrator,
    createTable: (name) => `CREATE TABLE ${name} (a int);\n`,
    hasTable: async (name) => {
      const [row] = await query(database.url, `SELECT to_regclass('${name}') AS found`);
      return row?.["found"] !== null;
    },
    drop: closeAndDrop,
  };
});

test("a catalogue that is used without its migrations asks for them", async () => {
  database = await createDatabase(inject("postgresUrl"));
  const { catalogue } = await open(database.url);
  await expectBanditError(catalogue.load(), "failed_precondition", "SCHEMA_NOT_MIGRATED");
  await closeAndDrop();
});

describe("the schema itself", () => {
  beforeEach(async () => {
    database = await createDatabase(inject("postgresUrl"));
    await (await open(database.url)).migrator.migrate();
    await query(
      database.url,
      `INSERT INTO agent_type VALUES ('a', '', 'learning', now());
       INSERT INTO prompt_variant (id, agent_type, name, version, status, is_baseline, description,
         prompt_template, model, parameters, created_by, created_at, updated_at, etag)
       VALUES ('a/v@1', 'a', 'v', 1, 'active', true, '', 'x', '', '{}', 'human', now(), now(), 1),
              ('a/w@1', 'a', 'w', 1, 'active', false, '', 'x', '', '{}', 'human', now(), now(), 1)`,
    );
  });
  afterEach(closeAndDrop);

  test("is described by docs/reference/catalogue.md, column by column", async () => {
    const page = await readFile(
      new URL("../../../docs/reference/catalogue.md", import.meta.url),
      "utf8",
    );
    const columns = await query(
      database.url,
      `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
              a.attnotnull AS required, col_description(c.oid, a.attnum) AS meaning
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT a.attisdropped`,
    );
    expect(columns.length).toBeGreaterThan(30);
    const lines = columns.map(({ name, type, required, meaning }) => {
      const nullable = required === true ? "" : ", may be null";
      return `| \`${name}\` | ${type}${nullable} | ${meaning} |`;
    });
    const described = page.split("\n").filter((line) => line.startsWith("| `"));
    expect(described.toSorted()).toEqual(lines.toSorted());
  });

  const secondSetting = "INSERT INTO service_setting VALUES (false, 'static', 1, now())";
  const insertPolicy = (first: string) =>
    `INSERT INTO policy VALUES (${first}, 1, now(), 0, now(), now())`;

  test.each([
    ["a second baseline", "UPDATE prompt_variant SET is_baseline = true", "23505"],
    ["a retired baseline", "UPDATE prompt_variant SET status = 'retired'", "23514"],
    ["new content under an old id", "UPDATE prompt_variant SET prompt_template = 'y'", "23514"],
    ["an unknown status", "UPDATE prompt_variant SET status = 'paused'", "23514"],
    ["an unknown mode", "UPDATE service_setting SET mode = 'off'", "23514"],
    ["a second row of settings", secondSetting, "23514"],
    ["a policy of nobody", insertPolicy("'b', '', '{}'"), "23503"],
    ["a policy that is no object", insertPolicy("'a', '', '3'"), "23514"],
    ["an agent type that has variants to go", "DELETE FROM agent_type", "23503"],
    ["an id that is not made of its parts", "UPDATE prompt_variant SET version = 2", "23514"],
  ])("refuses %s, for every user", async (_what, sql, code) => {
    await expect(query(database.url, sql)).rejects.toMatchObject({ code });
  });
});
