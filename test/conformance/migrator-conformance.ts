import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { migrationsDirectoryOf } from "../../src/adapters/sql-migrator/migration-files.ts";
import type { Migrator } from "../../src/ports/migrator.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

export interface MigratorFixture {
  readonly engine: "postgres" | "clickhouse";
  /** A migrator of its own, as another process would have it, of the test's database. */
  connect(directory: string): Promise<Migrator>;
  /** A statement that makes the table, may be repeated where the engine has no transactions, and ends with a semicolon. */
  createTable(name: string): string;
  hasTable(name: string): Promise<boolean>;
  /** Whether nothing stays of a file that failed in its middle. */
  readonly hasTransactions: boolean;
}

/** What every engine's migrator does. `makeFixture` gives each test a new database, which it drops itself. */
export function describeMigrator(
  name: string,
  makeFixture: () => Promise<MigratorFixture & { drop(): Promise<void> }>,
): void {
  describe(name, () => {
    let fixture: Awaited<ReturnType<typeof makeFixture>>;
    let directory: string;
    beforeEach(async () => {
      fixture = await makeFixture();
      directory = temporaryDirectory();
      await cp(migrationsDirectoryOf(fixture.engine), directory, { recursive: true });
    });
    afterEach(() => fixture.drop());

    const connect = (): Promise<Migrator> => fixture.connect(directory);
    const write = (file: string, sql: string): Promise<void> =>
      writeFile(join(directory, file), sql);
    /** Both of them refuse, for that reason. */
    const expectRefusal = async (reason: string, metadata: object = {}): Promise<void> => {
      const refusal = { code: "failed_precondition", reason, metadata };
      const migrator = await connect();
      await expect(migrator.migrate()).rejects.toMatchObject(refusal);
      await expect(migrator.status()).rejects.toMatchObject(refusal);
    };

    test("every file is pending at first, applied once, and nothing is done the next times", async () => {
      const migrator = await connect();
      const pending = await migrator.status();
      expect(pending.length).toBeGreaterThan(0);
      expect(pending.map((file) => file.name)).toEqual(pending.map((file) => file.name).sort());
      expect(pending.every(({ appliedAtMs }) => appliedAtMs === undefined)).toBe(true);
      const applied = await migrator.migrate();
      expect(applied.map(({ name, checksum }) => ({ name, checksum }))).toEqual(pending);
      expect(applied.every(({ appliedAtMs }) => (appliedAtMs ?? 0) > 1.7e12)).toBe(true);
      expect(await migrator.migrate()).toEqual([]);
      expect(await (await connect()).migrate()).toEqual([]);
      expect(await migrator.status()).toEqual(applied);
    });

    test("twenty processes at once end with every file applied", async () => {
      const migrators = await Promise.all(Array.from({ length: 20 }, connect));
      const results = (await Promise.all(migrators.map((migrator) => migrator.migrate()))).flat();
      const status = await (await connect()).status();
      expect(status.every(({ appliedAtMs }) => appliedAtMs !== undefined)).toBe(true);
      expect(new Set(results.map((file) => file.name)).size).toBe(status.length);
      if (fixture.hasTransactions) expect(results).toHaveLength(status.length);
    });

    test("an applied file that was edited, by one space even, is refused", async () => {
      const [first] = await (await connect()).migrate();
      const file = `${first?.name}.sql`;
      await write(file, `${await readFile(join(directory, file), "utf8")} `);
      await expectRefusal("MIGRATION_EDITED", { engine: fixture.engine, name: first?.name });
    });

    test("an applied file that is gone is refused", async () => {
      await write("9999_add_one.sql", fixture.createTable("one"));
      await (await connect()).migrate();
      await rm(join(directory, "9999_add_one.sql"));
      await expectRefusal("MIGRATION_MISSING", { engine: fixture.engine, name: "9999_add_one" });
    });

    test.each(["0001_add_twin.sql", "9999_nothing.sql", "9999_Add_Things.sql", "add_things.sql"])(
      "a file named %s is refused before anything is applied",
      async (file) => {
        await write(file, fixture.createTable("one"));
        await expectRefusal("MIGRATION_NAME");
        await rm(join(directory, file));
        const status = await (await connect()).status();
        expect(status.every(({ appliedAtMs }) => appliedAtMs === undefined)).toBe(true);
      },
    );

    test("a directory that cannot be read is refused", async () => {
      await rm(directory, { recursive: true });
      await expectRefusal("MIGRATIONS_UNREADABLE");
    });

    test("a statement that the engine refuses is told in its words, and the file applied once it is right", async () => {
      const migrator = await connect();
      await migrator.migrate();
      await write("9999_add_tables.sql", `${fixture.createTable("one")}\nCREATE NONSENSE;\n`);
      const refused = migrator.migrate();
      await expect(refused).rejects.toMatchObject({
        code: "failed_precondition",
        reason: "MIGRATION_REFUSED",
        message: expect.stringContaining("NONSENSE"),
      });
      expect((await migrator.status()).at(-1)?.appliedAtMs).toBeUndefined();
      expect(await fixture.hasTable("one")).toBe(!fixture.hasTransactions);
      await write(
        "9999_add_tables.sql",
        `${fixture.createTable("one")}\n${fixture.createTable("two")}`,
      );
      expect(await migrator.migrate()).toMatchObject([{ name: "9999_add_tables" }]);
      expect(await fixture.hasTable("two")).toBe(true);
    });
  });
}
