import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startClickHouseFront } from "../../support/clickhouse-front.ts";
import { startPostgres } from "../../support/postgres.ts";
import { startRedis } from "../../support/redis.ts";
import { serve } from "./cli-process.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const secret = "horse-battery";
let directory: string;
const stops: (() => Promise<void>)[] = [];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "banditd-credentials-"));
});
afterAll(async () => {
  for (const stop of stops) await stop();
  rmSync(directory, { recursive: true });
});

function withSecret(url: string, user = "banditd"): string {
  const changed = new URL(url);
  changed.username = user;
  changed.password = secret;
  return changed.href;
}

/** A server that refuses the password, and the variable that names it. */
const servers = {
  "Redis that does not know the user": async () => {
    const redis = await startRedis();
    stops.push(() => redis.stop());
    return { REDIS_URL: `${withSecret(redis.url)}/3` };
  },
  "Redis that does not know AUTH": async () => {
    const redis = await startRedis({ extraArgs: ["--rename-command", "AUTH", ""] });
    stops.push(() => redis.stop());
    return { REDIS_URL: withSecret(redis.url) };
  },
  "Redis Cluster that does not know the user": async () => {
    const redis = await startRedis({ extraArgs: ["--cluster-enabled", "yes"] });
    stops.push(() => redis.stop());
    return { REDIS_URL: withSecret(redis.url), BANDIT_REDIS_CLUSTER: "1" };
  },
  Postgres: async () => {
    const postgres = await startPostgres();
    stops.push(() => postgres.stop());
    const admin = new pg.Client({ connectionString: postgres.url });
    await admin.connect();
    await admin.query("CREATE ROLE banditd LOGIN PASSWORD 'another'");
    const { rows } = await admin.query<{ hba_file: string }>("SHOW hba_file");
    await admin.query(
      `COPY (SELECT 'host all all 127.0.0.1/32 scram-sha-256') TO '${rows[0]?.hba_file}'`,
    );
    await admin.query("SELECT pg_reload_conf()");
    await admin.end();
    return { DATABASE_URL: withSecret(postgres.url) };
  },
  ClickHouse: async () => {
    const clickhouse = await startClickHouseFront();
    stops.push(() => clickhouse.stop());
    return { CLICKHOUSE_URL: withSecret(clickhouse.url, "analyst") };
  },
} satisfies Record<string, () => Promise<NodeJS.ProcessEnv>>;

it.each(Object.entries(servers))(
  "a password that %s refuses is in no line",
  async (name, start) => {
    const environment = { ...(await start()), BANDIT_USER_HASH_KEY: `${secret}-key` };
    const args = ["--data-dir", join(directory, name.replaceAll(" ", "-")), "--log-level", "debug"];
    let written: string;
    try {
      const served = await serve(args, { environment });
      await sleep(1_500);
      const readiness = await (await fetch(`${served.httpUrl}/readyz`)).text();
      await served.stop();
      written = [served.stdout(), served.stderr(), readiness].join("\n");
    } catch (error) {
      written = (error as Error).message; // the start ended
    }
    expect(written).toMatch(/WRONGPASS|NOAUTH|unknown command|password|Authentication|refuse/i);
    expect(written).not.toContain("horse");
  },
);

it.each([
  ["REDIS_URL", `redis://banditd:${secret}/x@127.0.0.1:1`],
  ["REDIS_URL", `redis://banditd:${secret}@127.0.0.1:1/${secret}`],
  ["DATABASE_URL", `postgres://banditd:${secret}/x@127.0.0.1:1/db`],
  ["CLICKHOUSE_URL", `http://banditd:${secret}#x@127.0.0.1:1`],
  ["BANDIT_USER_HASH_KEY", "horse"],
])("a wrong %s is named, its value is in no line", async (variable, value) => {
  const starting = serve(["--data-dir", join(directory, "wrong")], {
    environment: { [variable]: value },
  });
  const error: Error = await starting.then(
    () => expect.unreachable("was accepted"),
    (failure) => failure,
  );
  expect(error.message).toContain(variable);
  expect(error.message).not.toContain("horse");
  expect(error.message).toContain("serve ended with 2");
});
