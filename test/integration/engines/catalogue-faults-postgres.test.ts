import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { PgConnection } from "../../../src/adapters/postgres/pg-connection.ts";
import type { Catalogue } from "../../../src/ports/catalogue.ts";
import {
  actor,
  expectBanditError,
  expectUnavailable,
} from "../../conformance/catalogue-fixture.ts";
import { closedAfterEach } from "../../support/closed-after-each.ts";
import { FaultProxy } from "../../support/fault-proxy.ts";
import { createDatabase, type RunningPostgres, startPostgres } from "../../support/postgres.ts";
import { silentLogger } from "../../support/state-samples.ts";
import { openCatalogue, query } from "./catalogue-setup.ts";

const closing = closedAfterEach();
const open = async (...args: Parameters<typeof openCatalogue>) =>
  closing((await openCatalogue(...args)).catalogue);

/** Milliseconds until the listener was called. */
async function msUntilTold(catalogue: Catalogue, change: () => Promise<unknown>): Promise<number> {
  const told = vi.fn();
  const stop = catalogue.onChange(told);
  await change();
  const startedMs = performance.now();
  await vi.waitFor(() => expect(told).toHaveBeenCalled(), { timeout: 5_000, interval: 5 });
  stop();
  return performance.now() - startedMs;
}

describe("SqlCatalogue on Postgres beside other processes", () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  beforeAll(async () => {
    database = await createDatabase(inject("postgresUrl"));
    const { catalogue, migrator } = await openCatalogue(database.url);
    await migrator.migrate();
    await catalogue.close();
  });
  afterAll(() => database.drop());

  /** As two processes have it; the first has read it. */
  async function openTwo(): Promise<[Catalogue, Catalogue]> {
    const here = await open(database.url);
    await here.load();
    return [here, await open(database.url)];
  }

  test("tells of a kill switch that another process pulled within one second, each time", async () => {
    const [here, there] = await openTwo();
    for (const mode of ["static", "learning", "static"] as const) {
      const ms = await msUntilTold(here, () => there.setMode({ mode, reason: "a test" }, actor));
      expect(ms).toBeLessThan(1_000);
      expect((await here.load()).serviceMode).toBe(mode);
    }
  });

  test("tells of a change that happened between the load and the first poll", async () => {
    const [here, there] = await openTwo();
    await there.setMode({ mode: "learning", reason: "" }, actor);
    expect(await msUntilTold(here, async () => undefined)).toBeLessThan(1_000);
  });

  test("stays silent while nothing changes, and another caller's load does not swallow the news", async () => {
    const [here, there] = await openTwo();
    const told = vi.fn();
    here.onChange(told);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(told).not.toHaveBeenCalled();
    await there.setMode({ mode: "learning", reason: "" }, actor);
    await here.load();
    await vi.waitFor(() => expect(told).toHaveBeenCalled(), { timeout: 1_000 });
  });

  test("tells of a change again until a load has brought it", async () => {
    const [here, there] = await openTwo();
    const told = vi.fn();
    here.onChange(told);
    await there.setMode({ mode: "learning", reason: "" }, actor);
    await vi.waitFor(() => expect(told.mock.calls.length).toBeGreaterThan(1), { timeout: 2_000 });
    await here.load();
    await new Promise((resolve) => setTimeout(resolve, 100)); // a poll may be under way
    told.mockClear();
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(told).not.toHaveBeenCalled();
  });

  test("tells of changes within one second after every connection was cut", async () => {
    const [here, there] = await openTwo();
    here.onChange(() => undefined); // polls, so there is a connection to cut
    await new Promise((resolve) => setTimeout(resolve, 300));
    await query(
      database.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    const change = async (): Promise<void> => {
      await vi.waitFor(() => there.setMode({ mode: "learning", reason: "" }, actor));
    };
    expect(await msUntilTold(here, change)).toBeLessThan(1_000);
  });

  test("gives up a write that waits for somebody else's lock, and works again when it is gone", async () => {
    const catalogue = await open(database.url, { statementTimeoutMs: 300 });
    const pg = await import("pg");
    const blocker = new pg.default.Client({ connectionString: database.url });
    await blocker.connect();
    await blocker.query("BEGIN; SELECT * FROM service_setting FOR UPDATE");
    const write = catalogue.setMode({ mode: "static", reason: "" }, actor);
    expect((await expectUnavailable(write, 2_000)).cause).toBeDefined();
    await blocker.end();
    await catalogue.setMode({ mode: "learning", reason: "" }, actor);
  });
});

describe("PgConnection", () => {
  test("survives losing its connection between two statements of a transaction", async () => {
    const url = inject("postgresUrl");
    const connection = new PgConnection({ url, statementTimeoutMs: 1_000, logger: silentLogger });
    const cut = connection.transaction(async (executor) => {
      const [row] = await executor.query("SELECT pg_backend_pid() AS pid");
      await query(url, `SELECT pg_terminate_backend(${row?.["pid"]})`);
      await new Promise((resolve) => setTimeout(resolve, 100)); // the news arrives while nobody asks
      await executor.query("SELECT 1");
    });
    await expectBanditError(cut, "unavailable");
    expect(await connection.query("SELECT 1 AS x")).toEqual([{ x: 1 }]);
    await connection.close();
  });

  test("gives every connection back, whatever its transactions end with", async () => {
    const url = inject("postgresUrl");
    const connection = new PgConnection({ url, statementTimeoutMs: 200, logger: silentLogger });
    const endings = ["SELECT 1", "SELECT 1 / 0", "SELECT pg_sleep(9)", "no SQL at all"];
    for (let round = 0; round < 3; round += 1) {
      // More than the pool has: one that is not given back makes the later ones wait in vain.
      await Promise.allSettled(
        endings.map((sql) => connection.transaction((executor) => executor.query(sql))),
      );
    }
    expect(await connection.query("SELECT 1 AS x")).toEqual([{ x: 1 }]);
    await connection.close(); // would wait for ever
  });
});

describe("SqlCatalogue on Postgres without its server", () => {
  let server: RunningPostgres;
  beforeAll(async () => {
    server = await startPostgres();
    const { catalogue, migrator } = await openCatalogue(server.url);
    await migrator.migrate();
    await catalogue.close();
  });
  afterAll(() => server.stop());

  test("is unavailable at once while the server is down, and recovers by itself with every acknowledged write", async () => {
    const catalogue = await open(server.url);
    await catalogue.setMode({ mode: "frozen", reason: "before the crash" }, actor);
    const { revision } = await catalogue.load();
    const told = vi.fn();
    catalogue.onChange(told);
    await server.kill();
    await expectUnavailable(catalogue.load(), 330);
    await expectUnavailable(catalogue.setMode({ mode: "static", reason: "" }, actor), 330);
    await expectUnavailable(catalogue.ping(), 330);
    await server.restart();
    await vi.waitFor(() => catalogue.ping(), { timeout: 2_000 });
    const after = await catalogue.load();
    expect([after.revision, after.serviceMode]).toEqual([revision, "frozen"]);
    expect(told).not.toHaveBeenCalled();
    const other = await open(server.url);
    const change = (): Promise<void> => other.setMode({ mode: "learning", reason: "" }, actor);
    expect(await msUntilTold(catalogue, change)).toBeLessThan(1_000);
  });

  /** Something before the server that can be broken. */
  async function startProxy(): Promise<{ proxy: FaultProxy; url: string }> {
    const proxy = await FaultProxy.start(Number(new URL(server.url).port));
    onTestFinished(() => proxy.stop());
    return { proxy, url: `postgres://postgres@127.0.0.1:${proxy.port}/postgres` };
  }

  test("is unavailable in bounded time when the server accepts and never answers", async () => {
    const { proxy, url } = await startProxy();
    proxy.blackhole();
    const catalogue = await open(url, { statementTimeoutMs: 300 });
    await expectUnavailable(catalogue.load(), 1_500);
    await proxy.stop();
  });

  test("is unavailable in bounded time when a connection goes silent, and recovers on a new one", async () => {
    const { proxy, url } = await startProxy();
    const catalogue = await open(url, { statementTimeoutMs: 300 });
    await catalogue.load();
    proxy.silence();
    await expectUnavailable(catalogue.load(), 1_500);
    await catalogue.load();
  });

  test("tells of a change within a second and a half although its connection went silent", async () => {
    const { proxy, url } = await startProxy();
    const catalogue = await open(url);
    await catalogue.load();
    catalogue.onChange(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 300));
    proxy.silence();
    const other = await open(server.url);
    const change = (): Promise<void> => other.setMode({ mode: "static", reason: "" }, actor);
    expect(await msUntilTold(catalogue, change)).toBeLessThan(1_500);
  });
});
