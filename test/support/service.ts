import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { readConfig, type ServiceOptions } from "../../src/app/config.ts";
import { openService, type RunningService } from "../../src/app/open-service.ts";
import { type BanditClient, createBanditClient } from "../../src/client/index.ts";
import { startClickHouseFront } from "./clickhouse-front.ts";
import { createDatabase } from "./postgres.ts";
import { fillDataDirectory } from "./prepared-data.ts";
import { startRedis } from "./redis.ts";

/** Which engines a service under test runs on. `servers`: events go through ClickHouse's HTTP interface, to chDB. */
export type EngineSet = "embedded" | "servers";
export const engineSets: readonly EngineSet[] = ["embedded", "servers"];

/** A place a service can be started in, stopped, and started again. */
export interface ServiceSite {
  /** Starts another process's worth of service on the same engines; `servers` may run several at once. */
  open(overrides?: Partial<ServiceOptions>): Promise<ServiceUnderTest>;
  remove(): Promise<void>;
}

export interface ServiceUnderTest {
  readonly running: RunningService;
  readonly client: BanditClient;
  close(): Promise<void>;
}

/** Engines of their own for one test file: a directory, and for `servers` a Redis, a database and a ClickHouse. */
export async function openSite(engines: EngineSet): Promise<ServiceSite> {
  const directory = mkdtempSync(join(tmpdir(), "banditd-site-"));
  const servers =
    engines === "servers"
      ? {
          redis: await startRedis(),
          database: await createDatabase(inject("postgresUrl")),
          clickhouse: await startClickHouseFront(),
        }
      : undefined;
  const opened = new Set<ServiceUnderTest>();
  let replicas = 0;
  return {
    async open(overrides = {}) {
      const dataDir = join(directory, servers === undefined ? "data" : `data-${replicas}`);
      replicas += 1;
      if (!existsSync(dataDir)) await fillDataDirectory(dataDir);
      const running = await openService(
        readConfig(
          {
            dataDir,
            grpcPort: 0,
            httpPort: 0,
            logLevel: "error",
            ...(servers === undefined
              ? {}
              : {
                  redisUrl: servers.redis.url,
                  databaseUrl: servers.database.url,
                  clickhouseUrl: servers.clickhouse.url,
                }),
            ...overrides,
          },
          {},
        ),
      );
      const client = createBanditClient({ address: running.grpcAddress, deadlineMs: 20_000 });
      const service: ServiceUnderTest = {
        running,
        client,
        async close() {
          opened.delete(service);
          client.close();
          await running.stop();
        },
      };
      opened.add(service);
      return service;
    },
    async remove() {
      for (const service of opened) await service.close();
      await servers?.redis.stop();
      await servers?.clickhouse.stop();
      await servers?.database.drop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
