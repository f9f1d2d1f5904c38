import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { type ClickHouseFront, startClickHouseFront } from "../../support/clickhouse-front.ts";
import { createDatabase } from "../../support/postgres.ts";
import { query } from "../engines/catalogue-setup.ts";
import { banditd } from "./cli-process.ts";

/** Whatever fails in a start, the process says why in one line and ends. */
const secret = "s3cr3t";
const hash = { BANDIT_USER_HASH_KEY: "0123456789abcdef" };
let dataDir: string;
/** Takes connections and never answers. */
let silent: Server;
let silentPort: number;
let clickhouse: ClickHouseFront;
let database: Awaited<ReturnType<typeof createDatabase>>;

beforeAll(async () => {
  silent = createServer((socket) => socket.on("error", () => undefined));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  silentPort = (silent.address() as { port: number }).port;
  clickhouse = await startClickHouseFront();
});
afterAll(async () => {
  silent.close();
  await clickhouse.stop();
});
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "banditd-start-"));
  database = await createDatabase(inject("postgresUrl"));
});
afterEach(async () => {
  rmSync(dataDir, { recursive: true, force: true });
  await database.drop();
});

interface Failure {
  environment?(): NodeJS.ProcessEnv;
  readonly args?: readonly string[];
  /** Does it to the data directory, or to the servers. */
  before?(): unknown;
  readonly exitCode: 1 | 2;
  readonly line: RegExp;
}

const isFile = (name: string) => (): void => writeFileSync(join(dataDir, name), "not a directory");
/** Embedded engines take seconds to come up: those that do not matter to a case are servers. */
const servers = (): NodeJS.ProcessEnv => ({
  ...hash,
  DATABASE_URL: database.url,
  CLICKHOUSE_URL: `${clickhouse.url}/${database.name}`,
});

const failures: Record<string, Failure> = {
  "a slash in Postgres' password": {
    environment: () => ({ DATABASE_URL: `postgres://user:${secret}/@host/db` }),
    exitCode: 2,
    line: /DATABASE_URL .*percent-encoded/,
  },
  "a slash in Redis' password": {
    environment: () => ({ REDIS_URL: `redis://user:${secret}#@host` }),
    exitCode: 2,
    line: /REDIS_URL .*percent-encoded/,
  },
  "a slash in ClickHouse's password": {
    environment: () => ({ CLICKHOUSE_URL: `http://user:${secret}/@host` }),
    exitCode: 2,
    line: /CLICKHOUSE_URL .*percent-encoded/,
  },
  "a certificate that is not there": {
    environment: () => ({
      DATABASE_URL: `postgres://user:${secret}@host/db?sslrootcert=/nowhere/ca.pem`,
    }),
    exitCode: 2,
    line: /DATABASE_URL .*\/nowhere\/ca\.pem/,
  },
  "no database's name in CLICKHOUSE_URL": {
    environment: () => ({ CLICKHOUSE_URL: `http://user:${secret}@127.0.0.1:1/not-a-name` }),
    exitCode: 2,
    line: /CLICKHOUSE_URL .*name of a database/,
  },
  "an option of CLICKHOUSE_URL that nobody knows": {
    environment: () => ({ CLICKHOUSE_URL: `http://user:${secret}@127.0.0.1:1/?fast=1` }),
    exitCode: 2,
    line: /CLICKHOUSE_URL .*options/,
  },
  "a data directory that is a file": {
    args: ["--data-dir", "/dev/null"],
    exitCode: 1,
    line: /\/dev\/null/,
  },
  "a state store that cannot be opened": {
    environment: servers,
    before: isFile("state"),
    exitCode: 1,
    line: /state/,
  },
  "an embedded catalogue that cannot be opened": {
    environment: () => ({ ...servers(), DATABASE_URL: "" }),
    before: isFile("catalogue"),
    exitCode: 1,
    line: /catalogue/,
  },
  "a damaged embedded catalogue": {
    environment: () => ({ ...servers(), DATABASE_URL: "" }),
    before() {
      mkdirSync(join(dataDir, "catalogue/pgdata"), { recursive: true });
      writeFileSync(join(dataDir, "catalogue/pgdata/banditd-complete"), "");
      writeFileSync(join(dataDir, "catalogue/pgdata/PG_VERSION"), "3");
    },
    exitCode: 1,
    line: /catalogue/,
  },
  "an embedded event log that cannot be opened": {
    environment: () => ({ ...servers(), CLICKHOUSE_URL: "" }),
    before: isFile("events"),
    exitCode: 1,
    line: /events/,
  },
  "a spill that cannot be opened": {
    environment: () => ({ ...servers(), BANDIT_OUTBOX_FULL: "spill" }),
    before: isFile("spill"),
    exitCode: 1,
    line: /spill/,
  },
  "a key file that is cut off": {
    environment: () => ({ ...servers(), BANDIT_USER_HASH_KEY: "" }),
    before: () => writeFileSync(join(dataDir, "user-hash.key"), ""),
    exitCode: 1,
    line: /user-hash\.key/,
  },
  "a port of gRPC that is taken": {
    environment: servers,
    args: ["--grpc-port", "silent"],
    exitCode: 1,
    line: /cannot listen on 127/,
  },
  "a port of HTTP that is taken": {
    environment: servers,
    args: ["--http-port", "silent"],
    exitCode: 1,
    line: /cannot listen on 127/,
  },
  "an address that is not of this machine": {
    environment: servers,
    args: ["--host", "203.0.113.7"],
    exitCode: 1,
    line: /203\.0\.113\.7/,
  },
  "a Postgres that is not there": {
    environment: () => ({
      ...servers(),
      DATABASE_URL: `postgres://user:${secret}@127.0.0.1:1/db`,
    }),
    exitCode: 1,
    line: /DATABASE_URL/,
  },
  "a Postgres that never answers": {
    environment: () => ({
      ...servers(),
      DATABASE_URL: `postgres://user:${secret}@127.0.0.1:${silentPort}/db`,
    }),
    exitCode: 1,
    line: /DATABASE_URL/,
  },
  "a Postgres where nothing may be created": {
    environment: () => ({ ...servers(), DATABASE_URL: asNobody() }),
    before: () => query(database.url, `CREATE ROLE "${database.name}" LOGIN PASSWORD '${secret}'`),
    exitCode: 1,
    line: /permission denied/,
  },
  "a Postgres of a newer version": {
    environment: servers,
    before: () =>
      query(
        database.url,
        `CREATE TABLE schema_migration (name text, checksum text, applied_at timestamptz);
         INSERT INTO schema_migration VALUES ('9999_from_the_future', 'x', now())`,
      ),
    exitCode: 1,
    line: /postgres migration 9999_from_the_future/,
  },
  "a ClickHouse of a newer version": {
    environment: servers,
    async before() {
      await clickhouse.command(`CREATE DATABASE ${database.name}`);
      await clickhouse.command(
        `CREATE TABLE ${database.name}.schema_migration (name String, checksum String, applied_at DateTime64(3)) ENGINE = MergeTree ORDER BY name`,
      );
      await clickhouse.command(
        `INSERT INTO ${database.name}.schema_migration VALUES ('9999_from_the_future', 'x', now64(3))`,
      );
    },
    exitCode: 1,
    line: /clickhouse migration 9999_from_the_future/,
  },
  "a Redis without that database, while the others come up": {
    environment: () => ({ ...servers(), REDIS_URL: `${inject("redisUrl")}/9999` }),
    exitCode: 1,
    line: /REDIS_URL/,
  },
};

function asNobody(): string {
  const url = new URL(database.url);
  url.username = database.name;
  url.password = secret;
  return url.href;
}

describe("a start that fails for", () => {
  it.each(Object.entries(failures))("%s", async (_what, failure) => {
    await failure.before?.();
    const args = (failure.args ?? []).map((arg) => (arg === "silent" ? String(silentPort) : arg));
    const ports = ["--grpc-port", "0", "--http-port", "0"];
    const { exitCode, stdout, stderr } = await banditd(
      ["serve", ...ports, "--data-dir", dataDir, "--log-level", "silent", ...args],
      { environment: failure.environment?.() ?? {}, killAfterMs: 15_000 },
    );
    expect.soft(exitCode, stderr).toBe(failure.exitCode);
    const lines = stderr
      .trimEnd()
      .replaceAll(/^starting: .*\n/gm, "")
      .split("\n");
    expect.soft(lines, stderr).toEqual([expect.stringMatching(/^banditd: (?!unexpected)/)]);
    expect.soft(lines[0]).toMatch(failure.line);
    expect(stdout + stderr).not.toContain(secret);
  });
});
