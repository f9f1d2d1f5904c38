import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { type ClickHouseFront, startClickHouseFront } from "../../support/clickhouse-front.ts";
import { createDatabase } from "../../support/postgres.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { query } from "../engines/catalogue-setup.ts";
import { banditd } from "./cli-process.ts";

/** Whatever fails in a start, the process says why in one line and ends. */
const secret = "s3cr3t";
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
  dataDir = temporaryDirectory();
  database = await createDatabase(inject("postgresUrl"));
});
afterEach(() => database.drop());

/** Starts, and expects one line of failure. @param args `silent` stands for the port that is taken */
async function expectFailure(
  expected: { readonly exitCode: 1 | 2; readonly line: RegExp },
  environment: NodeJS.ProcessEnv,
  args: readonly string[] = [],
): Promise<void> {
  const given = args.map((arg) => (arg === "silent" ? String(silentPort) : arg));
  const ports = ["--grpc-port", "0", "--http-port", "0"];
  const { exitCode, stdout, stderr } = await banditd(
    ["serve", ...ports, "--data-dir", dataDir, "--log-level", "silent", ...given],
    { environment, killAfterMs: 15_000 },
  );
  expect.soft(exitCode, stderr).toBe(expected.exitCode);
  const lines = stderr
    .trimEnd()
    .replaceAll(/^starting: .*\n/gm, "")
    .split("\n");
  expect.soft(lines, stderr).toEqual([expect.stringMatching(/^banditd: (?!unexpected)/)]);
  expect.soft(lines[0]).toMatch(expected.line);
  expect(stdout + stderr).not.toContain(secret);
}

describe("a configuration that cannot be is named, its value is in no line:", () => {
  it.each<[variable: string, what: string, value: string, why: string]>([
    ["DATABASE_URL", "a slash", `postgres://user:${secret}/@host/db`, "percent-encoded"],
    ["REDIS_URL", "a hash", `redis://user:${secret}#@host`, "percent-encoded"],
    ["REDIS_URL", "a slash", `redis://user:${secret}/x@127.0.0.1:1`, "percent-encoded"],
    ["REDIS_URL", "no number", `redis://user:${secret}@127.0.0.1:1/${secret}`, ""],
    ["CLICKHOUSE_URL", "a slash", `http://user:${secret}/@host`, "percent-encoded"],
    ["CLICKHOUSE_URL", "a hash", `http://user:${secret}#x@127.0.0.1:1`, "percent-encoded"],
    [
      "CLICKHOUSE_URL",
      "no name",
      `http://u:${secret}@127.0.0.1:1/not-a-name`,
      "name of a database",
    ],
    ["CLICKHOUSE_URL", "an option", `http://u:${secret}@127.0.0.1:1/?fast=1`, "options"],
    [
      "DATABASE_URL",
      "no certificate",
      `postgres://user:${secret}@host/db?sslrootcert=/nowhere/ca.pem`,
      "/nowhere/ca.pem",
    ],
    ["BANDIT_USER_HASH_KEY", "too short", secret, ""],
  ])("%s with %s", async (variable, _what, value, why) => {
    const line = new RegExp(`${variable}.*${why}`);
    await expectFailure({ exitCode: 2, line }, { [variable]: value });
  });
});

interface Failure {
  /** What differs from the servers. */
  environment?(): NodeJS.ProcessEnv;
  readonly args?: readonly string[];
  /** Does it to the data directory, or to the servers. */
  before?(): unknown;
  readonly line: RegExp;
}

const isFile = (name: string) => (): void => writeFileSync(join(dataDir, name), "not a directory");
/** Embedded engines take seconds to come up: those that do not matter to a case are servers. */
const servers = (): NodeJS.ProcessEnv => ({
  BANDIT_USER_HASH_KEY: "0123456789abcdef",
  DATABASE_URL: database.url,
  CLICKHOUSE_URL: `${clickhouse.url}/${database.name}`,
});
const clickhouseMigration =
  "schema_migration (name String, checksum String, applied_at DateTime64(3)) ENGINE = MergeTree ORDER BY name";

const failures: Record<string, Failure> = {
  "a data directory that is a file": { args: ["--data-dir", "/dev/null"], line: /\/dev\/null/ },
  "a state store that cannot be opened": { before: isFile("state"), line: /state/ },
  "an embedded catalogue that cannot be opened": {
    environment: () => ({ DATABASE_URL: "" }),
    before: isFile("catalogue"),
    line: /catalogue/,
  },
  "a damaged embedded catalogue": {
    environment: () => ({ DATABASE_URL: "" }),
    before() {
      mkdirSync(join(dataDir, "catalogue/pgdata"), { recursive: true });
      writeFileSync(join(dataDir, "catalogue/pgdata/banditd-complete"), "");
      writeFileSync(join(dataDir, "catalogue/pgdata/PG_VERSION"), "3");
    },
    line: /catalogue/,
  },
  "an embedded event log that cannot be opened": {
    environment: () => ({ CLICKHOUSE_URL: "" }),
    before: isFile("events"),
    line: /events/,
  },
  "a spill that cannot be opened": {
    environment: () => ({ BANDIT_OUTBOX_FULL: "spill" }),
    before: isFile("spill"),
    line: /spill/,
  },
  "a key file that is cut off": {
    environment: () => ({ BANDIT_USER_HASH_KEY: "" }),
    before: () => writeFileSync(join(dataDir, "user-hash.key"), ""),
    line: /user-hash\.key/,
  },
  "a port of gRPC that is taken": {
    args: ["--grpc-port", "silent"],
    line: /cannot listen on 127/,
  },
  "a port of HTTP that is taken": {
    args: ["--http-port", "silent"],
    line: /cannot listen on 127/,
  },
  "an address that is not of this machine": {
    args: ["--host", "203.0.113.7"],
    line: /203\.0\.113\.7/,
  },
  "a Postgres that is not there": {
    environment: () => ({ DATABASE_URL: `postgres://user:${secret}@127.0.0.1:1/db` }),
    line: /DATABASE_URL/,
  },
  "a Postgres that never answers": {
    environment: () => ({ DATABASE_URL: `postgres://user:${secret}@127.0.0.1:${silentPort}/db` }),
    line: /DATABASE_URL/,
  },
  "a Postgres where nothing may be created": {
    environment: () => ({ DATABASE_URL: asNobody() }),
    before: () => query(database.url, `CREATE ROLE "${database.name}" LOGIN PASSWORD '${secret}'`),
    line: /permission denied/,
  },
  "a Postgres of a newer version": {
    before: () =>
      query(
        database.url,
        `CREATE TABLE schema_migration (name text, checksum text, applied_at timestamptz);
         INSERT INTO schema_migration VALUES ('9999_from_the_future', 'x', now())`,
      ),
    line: /postgres migration 9999_from_the_future/,
  },
  "a ClickHouse of a newer version": {
    async before() {
      const { name } = database;
      await clickhouse.command(`CREATE DATABASE ${name}`);
      await clickhouse.command(`CREATE TABLE ${name}.${clickhouseMigration}`);
      await clickhouse.command(
        `INSERT INTO ${name}.schema_migration VALUES ('9999_from_the_future', 'x', now64(3))`,
      );
    },
    line: /clickhouse migration 9999_from_the_future/,
  },
  "a Redis without that database, while the others come up": {
    environment: () => ({ REDIS_URL: `${inject("redisUrl")}/9999` }),
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
    const environment = { ...servers(), ...failure.environment?.() };
    await expectFailure({ exitCode: 1, line: failure.line }, environment, failure.args);
  });
});
