import { cp, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { PgliteConnection } from "../../../src/adapters/postgres/pglite-connection.ts";
import {
  createAgentType,
  expectBanditError,
  expectUnavailable,
} from "../../conformance/catalogue-fixture.ts";
import { startProgram } from "../../support/program.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { openCatalogue } from "./catalogue-setup.ts";

/** A database as a first start leaves it; creating one takes seconds, copying it does not. */
const template = temporaryDirectory();
let directory: string;

function open(): ReturnType<typeof openCatalogue> {
  return openCatalogue({ directory });
}

/** Runs a process that writes until so many are acknowledged, then kills it. @returns the last revision it acknowledged */
async function writeAndKill(acknowledgements: number): Promise<number> {
  const writer = startProgram("catalogue-writer", [directory]);
  const acknowledged: string[] = [];
  for await (const line of writer.lines) {
    if (acknowledged.push(line) === acknowledgements) void writer.kill();
  }
  expect(await writer.ended).toBe(null);
  return Number(acknowledged.at(-1));
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

describe("SqlCatalogue on PGlite", () => {
  beforeAll(async () => {
    directory = template;
    await (await open()).catalogue.close();
  });
  beforeEach(async () => {
    directory = temporaryDirectory();
    await cp(template, directory, { recursive: true });
  });

  test("has every acknowledged write after SIGKILL, twice in a row", async () => {
    for (const acknowledgements of [1, 20]) {
      const acknowledged = await writeAndKill(acknowledgements);
      const { catalogue } = await open();
      const { revision, serviceMode } = await catalogue.load();
      await catalogue.close();
      expect(serviceMode).toBe("frozen");
      expect(revision).toBeGreaterThanOrEqual(acknowledged);
      expect(revision).toBeLessThanOrEqual(acknowledged + 2); // what was under way may have been done too
    }
  });

  test("starts anew, keeping the remains, when its creation was cut off", async () => {
    const remains = join(directory, "pgdata");
    await rm(remains, { recursive: true });
    await mkdir(remains);
    await writeFile(join(remains, "PG_VERSION"), "18\n");
    const { catalogue, migrator } = await open();
    await migrator.migrate();
    expect((await catalogue.load()).revision).toBe(0);
    await catalogue.close();
    expect(await readdir(directory)).toContain("pgdata.incomplete");
  });

  test("takes at most 5 ms of the calling thread for a load of 100 variants, and its start next to nothing", async () => {
    const opening = threadCpuMs();
    const { catalogue, migrator } = await open();
    await migrator.migrate();
    expect(threadCpuMs() - opening).toBeLessThan(150); // opening takes the worker several hundred
    const names = Array.from({ length: 99 }, (_, index) => `v${index}`);
    await createAgentType(catalogue, "baseline", ...names);
    // Processor time of this thread bounds how long it can have been held up, however busy the machine is.
    const loadsMs: number[] = [];
    for (let round = 0; round < 21; round += 1) {
      const startedMs = threadCpuMs();
      await catalogue.load();
      loadsMs.push(threadCpuMs() - startedMs);
    }
    await catalogue.close();
    const medianMs = loadsMs.sort((a, b) => a - b)[10];
    expect(medianMs).toBeLessThan(5);
  });

  test("ends a statement that takes too long, and works again with the next one", async () => {
    const pgdata = join(directory, "pgdata");
    const connection = new PgliteConnection({ directory: pgdata, statementTimeoutMs: 10_000 });
    await connection.query("CREATE TABLE kept AS SELECT 1 AS x");
    const endless = connection.query("SELECT count(*) FROM generate_series(1, 1e12::bigint)", {
      timeoutMs: 200,
    });
    const waiting = connection.query("SELECT 2 AS x");
    await expectUnavailable(endless, 1_000);
    expect(await waiting).toEqual([{ x: 2 }]);
    expect(await connection.query("SELECT x FROM kept")).toEqual([{ x: 1 }]);
    await connection.close();
  });

  test("rolls back what a failed transaction did, and the next one finds a clean connection", async () => {
    const pgdata = join(directory, "pgdata");
    const connection = new PgliteConnection({ directory: pgdata, statementTimeoutMs: 10_000 });
    const failing = connection.transaction(async (executor) => {
      await executor.script("CREATE TABLE half_done (x int)");
      await executor.query("SELECT 1 / $1::int", [0]);
    });
    await expectBanditError(failing, "invalid_argument");
    expect(await connection.query("SELECT to_regclass('half_done') AS found")).toEqual([
      { found: null },
    ]);
    await connection.close();
  });
});
