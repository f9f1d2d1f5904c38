import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { expect, it, onTestFinished, vi } from "vitest";
import { startClickHouseFront } from "../../support/clickhouse-front.ts";
import { startPostgres } from "../../support/postgres.ts";
import { startRedis } from "../../support/redis.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { serve } from "./cli-process.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const secret = "horse-battery";

/** A server of one test. */
async function started<Server extends { stop(): Promise<void> }>(
  starting: Promise<Server>,
): Promise<Server> {
  const server = await starting;
  onTestFinished(() => server.stop());
  return server;
}

function withSecret(url: string, user = "banditd"): string {
  const changed = new URL(url);
  changed.username = user;
  changed.password = secret;
  return changed.href;
}

/** A server that refuses the password, and the variable that names it. */
const servers = {
  "Redis that does not know the user": async () => {
    const redis = await started(startRedis());
    return { REDIS_URL: `${withSecret(redis.url)}/3` };
  },
  "Redis that does not know AUTH": async () => {
    const redis = await started(startRedis({ extraArgs: ["--rename-command", "AUTH", ""] }));
    return { REDIS_URL: withSecret(redis.url) };
  },
  "Redis Cluster that does not know the user": async () => {
    const redis = await started(startRedis({ extraArgs: ["--cluster-enabled", "yes"] }));
    return { REDIS_URL: withSecret(redis.url), BANDIT_REDIS_CLUSTER: "1" };
  },
  Postgres: async () => {
    const postgres = await started(startPostgres());
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
    const clickhouse = await started(startClickHouseFront());
    return { CLICKHOUSE_URL: withSecret(clickhouse.url, "analyst") };
  },
} satisfies Record<string, () => Promise<NodeJS.ProcessEnv>>;

it.each(Object.entries(servers))(
  "a password that %s refuses is in no line",
  async (_name, start) => {
    const environment = { ...(await start()), BANDIT_USER_HASH_KEY: `${secret}-key` };
    const args = ["--data-dir", temporaryDirectory(), "--log-level", "debug"];
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
