import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import type { PostgresCatalogue } from "../../../src/adapters/postgres/postgres-catalogue.ts";
import { expectBanditError } from "../../conformance/catalogue-fixture.ts";
import { createDatabase } from "../../support/postgres.ts";
import { connectCatalogue, migrationsDirectory, query } from "./catalogue-setup.ts";

const opened: PostgresCatalogue[] = [];
const directories: string[] = [];
let database: Awaited<ReturnType<typeof createDatabase>>;

/** A catalogue whose migrations are a copy that the test may change. */
async function connectWithCopy(): Promise<{ catalogue: PostgresCatalogue; directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), "banditd-migrations-"));
  directories.push(directory);
  await cp(migrationsDirectory, directory, { recursive: true });
  return { catalogue: connect(directory), directory };
}

function connect(directory = migrationsDirectory): PostgresCatalogue {
  const catalogue = connectCatalogue(database.url, { migrationsDirectory: directory });
  opened.push(catalogue);
  return catalogue;
}

describe("migrations of Postgres", () => {
  beforeEach(async () => {
    database = await createDatabase(inject("postgresUrl"));
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((catalogue) => catalogue.close()));
    await database.drop(); // fails when a connection is left
  });
  afterAll(async () => {
    await Promise.all(directories.map((path) => rm(path, { recursive: true, force: true })));
  });

  test("are pending before, applied once, and nothing the second and third time", async () => {
    const { migrator } = connect();
    const pending = await migrator.status();
    expect(pending.length).toBeGreaterThan(0);
    expect(pending.every(({ appliedAtMs }) => appliedAtMs === undefined)).toBe(true);
    const applied = await migrator.migrate();
    expect(applied.map(({ name }) => name)).toEqual(pending.map(({ name }) => name));
    expect(await migrator.migrate()).toEqual([]);
    expect(await migrator.migrate()).toEqual([]);
    expect(await migrator.status()).toEqual(applied);
  });

  test("are applied exactly once by twenty processes at once", async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, () => connect().migrator.migrate()),
    );
    const names = results.flat().map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toHaveLength((await connect().migrator.status()).length);
  });

  test("are refused when an applied file was edited, by one space even", async () => {
    const { catalogue, directory } = await connectWithCopy();
    await catalogue.migrator.migrate();
    const file = join(directory, "0001_create_catalogue.sql");
    await writeFile(file, `${await readFile(file, "utf8")} `);
    const error = await expectBanditError(catalogue.migrator.migrate(), "failed_precondition");
    expect(error.reason).toBe("MIGRATION_EDITED");
    await expectBanditError(catalogue.migrator.status(), "failed_precondition");
  });

  test("are refused when an applied file is gone", async () => {
    const { catalogue, directory } = await connectWithCopy();
    const file = join(directory, "9999_add_nothing.sql");
    await writeFile(file, "SELECT 1;");
    await catalogue.migrator.migrate();
    await rm(file);
    const error = await expectBanditError(catalogue.migrator.migrate(), "failed_precondition");
    expect(error.reason).toBe("MIGRATION_MISSING");
  });

  test("leave nothing of a file that fails in its middle, and apply it once it is right", async () => {
    const { catalogue, directory } = await connectWithCopy();
    await catalogue.migrator.migrate();
    const file = join(directory, "9999_add_table.sql");
    await writeFile(file, "CREATE TABLE half_done (x int); SELECT 1 / 0;");
    await expect(catalogue.migrator.migrate()).rejects.toThrow();
    expect(await query(database.url, "SELECT to_regclass('half_done') AS found")).toEqual([
      { found: null },
    ]);
    await writeFile(file, "CREATE TABLE half_done (x int);");
    expect(await catalogue.migrator.migrate()).toMatchObject([{ name: "9999_add_table" }]);
  });

  test("are refused when a name is not NNNN_verb_noun.sql or a number is there twice", async () => {
    const { catalogue, directory } = await connectWithCopy();
    await writeFile(join(directory, "0001_add_twin.sql"), "SELECT 1;");
    const error = await expectBanditError(catalogue.migrator.status(), "failed_precondition");
    expect(error.reason).toBe("MIGRATION_NAME");
  });

  test("are asked for by a catalogue that is used without them", async () => {
    const error = await expectBanditError(connect().load(), "failed_precondition");
    expect(error.reason).toBe("SCHEMA_NOT_MIGRATED");
  });
});

describe("the schema itself", () => {
  beforeEach(async () => {
    database = await createDatabase(inject("postgresUrl"));
    await connect().migrator.migrate();
    await query(
      database.url,
      `INSERT INTO agent_type VALUES ('a', '', 'learning', now());
       INSERT INTO prompt_variant (id, agent_type, name, version, status, is_baseline, description,
         prompt_template, model, parameters, created_by, created_at, updated_at, etag)
       VALUES ('a/v@1', 'a', 'v', 1, 'active', true, '', 'x', '', '{}', 'human', now(), now(), 1),
              ('a/w@1', 'a', 'w', 1, 'active', false, '', 'x', '', '{}', 'human', now(), now(), 1)`,
    );
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((catalogue) => catalogue.close()));
    await database.drop();
  });

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

  test.each([
    ["a second baseline", "UPDATE prompt_variant SET is_baseline = true", "23505"],
    ["a retired baseline", "UPDATE prompt_variant SET status = 'retired'", "23514"],
    ["new content under an old id", "UPDATE prompt_variant SET prompt_template = 'y'", "23514"],
    ["an unknown status", "UPDATE prompt_variant SET status = 'paused'", "23514"],
    ["an unknown mode", "UPDATE service_setting SET mode = 'off'", "23514"],
    [
      "a second row of settings",
      "INSERT INTO service_setting VALUES (false, 'static', 1, now())",
      "23514",
    ],
    ["a policy of nobody", "INSERT INTO policy VALUES ('b', '', '{}', 1, now())", "23503"],
    ["a policy that is no object", "INSERT INTO policy VALUES ('a', '', '3', 1, now())", "23514"],
    ["an agent type that has variants to go", "DELETE FROM agent_type", "23503"],
    ["an id that is not made of its parts", "UPDATE prompt_variant SET version = 2", "23514"],
  ])("refuses %s, whoever asks", async (_what, sql, code) => {
    await expect(query(database.url, sql)).rejects.toMatchObject({ code });
  });
});
