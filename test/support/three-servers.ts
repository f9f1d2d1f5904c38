import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll } from "vitest";
import type { ServiceOptions } from "../../src/app/config.ts";
import { type ClickHouseFront, startClickHouseFront } from "./clickhouse-front.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { type RunningPostgres, startPostgres } from "./postgres.ts";
import { type RunningRedis, startRedis } from "./redis.ts";

/** A Redis, a Postgres and a ClickHouse front of one's own, each of which can be taken away, and a data directory. */
export interface ThreeServers {
  readonly redis: RunningRedis;
  readonly postgres: RunningPostgres;
  readonly clickhouse: ClickHouseFront;
  /** Between a service and each of them, so that it can be out of reach. */
  readonly redisProxy: FaultProxy;
  readonly postgresProxy: FaultProxy;
  readonly clickhouseProxy: FaultProxy;
  readonly dataDir: string;
  /** What a service needs to run on them; ClickHouse through its proxy. */
  readonly options: Pick<ServiceOptions, "dataDir" | "redisUrl" | "databaseUrl" | "clickhouseUrl">;
  /** The same for a process of its own. */
  readonly environment: NodeJS.ProcessEnv;
  /** For a process that reaches each of them through its proxy. */
  readonly proxied: Readonly<Record<"REDIS_URL" | "DATABASE_URL" | "CLICKHOUSE_URL", string>>;
  /** Puts everything right that was broken. Idempotent. */
  heal(): Promise<void>;
  remove(): Promise<void>;
}

/** @param options.appendfsync of Redis */
export async function startThreeServers(
  options: { readonly appendfsync?: "always" | "everysec" } = {},
): Promise<ThreeServers> {
  const [redis, postgres, clickhouse] = await Promise.all([
    startRedis({ extraArgs: ["--appendfsync", options.appendfsync ?? "always"] }),
    startPostgres({ durable: true }),
    startClickHouseFront(),
  ]);
  const proxyOf = ({ url }: { url: string }) => FaultProxy.start(Number(new URL(url).port));
  const [redisProxy, postgresProxy, clickhouseProxy] = await Promise.all([
    proxyOf(redis),
    proxyOf(postgres),
    proxyOf(clickhouse),
  ]);
  const through = ({ port }: FaultProxy, { url }: { url: string }): string =>
    Object.assign(new URL(url), { port: String(port) }).href;
  const clickhouseUrl = through(clickhouseProxy, clickhouse);
  const dataDir = mkdtempSync(join(tmpdir(), "banditd-servers-"));
  const proxies = [redisProxy, postgresProxy, clickhouseProxy];
  return {
    ...{ redis, postgres, clickhouse, redisProxy, postgresProxy, clickhouseProxy, dataDir },
    options: { dataDir, redisUrl: redis.url, databaseUrl: postgres.url, clickhouseUrl },
    environment: {
      BANDIT_DATA_DIR: dataDir,
      BANDIT_USER_HASH_KEY: "0123456789abcdef",
      REDIS_URL: redis.url,
      DATABASE_URL: postgres.url,
      CLICKHOUSE_URL: clickhouseUrl,
    },
    proxied: {
      REDIS_URL: through(redisProxy, redis),
      DATABASE_URL: through(postgresProxy, postgres),
      CLICKHOUSE_URL: clickhouseUrl,
    },
    async heal() {
      for (const proxy of proxies) proxy.pass();
      clickhouseProxy.cutNewReplies(undefined);
      clickhouse.failAlways(() => undefined);
      await redis.kill("SIGCONT");
      await redis.restart();
      await postgres.restart();
    },
    async remove() {
      for (const proxy of proxies) await proxy.stop();
      await Promise.all([redis.stop(), postgres.stop(), clickhouse.stop()]);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Starts them before the first test of a file, puts them right after each, and removes them after the last. */
export function useThreeServers(): ThreeServers {
  const servers = {} as ThreeServers;
  beforeAll(async () => void Object.assign(servers, await startThreeServers()), 120_000);
  afterEach(() => servers.heal());
  afterAll(() => servers.remove());
  return servers;
}
