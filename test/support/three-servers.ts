import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  /** Between the service and ClickHouse, so that it can be out of reach. */
  readonly clickhouseProxy: FaultProxy;
  readonly dataDir: string;
  /** What a service needs to run on them. */
  readonly options: Pick<ServiceOptions, "dataDir" | "redisUrl" | "databaseUrl" | "clickhouseUrl">;
  /** The same for a process of its own. */
  readonly environment: NodeJS.ProcessEnv;
  remove(): Promise<void>;
}

export async function startThreeServers(): Promise<ThreeServers> {
  const [redis, postgres, clickhouse] = await Promise.all([
    startRedis({ extraArgs: ["--appendfsync", "always"] }),
    startPostgres({ durable: true }),
    startClickHouseFront(),
  ]);
  const url = new URL(clickhouse.url);
  const clickhouseProxy = await FaultProxy.start(Number(url.port));
  url.port = String(clickhouseProxy.port);
  const dataDir = mkdtempSync(join(tmpdir(), "banditd-servers-"));
  const urls = { redisUrl: redis.url, databaseUrl: postgres.url, clickhouseUrl: url.href };
  return {
    redis,
    postgres,
    clickhouse,
    clickhouseProxy,
    dataDir,
    options: { dataDir, ...urls },
    environment: {
      BANDIT_DATA_DIR: dataDir,
      BANDIT_USER_HASH_KEY: "0123456789abcdef",
      REDIS_URL: urls.redisUrl,
      DATABASE_URL: urls.databaseUrl,
      CLICKHOUSE_URL: urls.clickhouseUrl,
    },
    async remove() {
      await clickhouseProxy.stop();
      await Promise.all([redis.stop(), postgres.stop(), clickhouse.stop()]);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
