import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BanditClient, createBanditClient } from "../../../src/client/index.ts";
import { type ClickHouseFront, startClickHouseFront } from "../../support/clickhouse-front.ts";
import { FaultProxy } from "../../support/fault-proxy.ts";
import { type RunningPostgres, startPostgres } from "../../support/postgres.ts";
import { type RunningRedis, startRedis } from "../../support/redis.ts";
import { createAgentTypes } from "./agent-types.ts";
import type { FaultSite } from "./fault.ts";
import { keepCopies } from "./logged-events.ts";
import { ServiceProcess } from "./service-process.ts";

export interface WorldOptions {
  readonly replicas?: number;
  /** `everysec`, as documented, unless given. */
  readonly appendfsync?: "always";
  /** Settings of the service, BANDIT_…, besides those of every fault test. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Settings that make waiting short and leave everything else as it is in production. */
const hurried = {
  BANDIT_DRAIN_INTERVAL_MS: "200",
  BANDIT_TAKEOVER_AFTER_MS: "5000",
  BANDIT_USER_HASH_KEY: "fault-tests-0123456789abcdef0123456789abcdef",
};

/** Real engines, each behind a proxy of its own, and the service on them, in processes that can be killed. */
export interface World extends FaultSite {
  readonly redis: RunningRedis;
  readonly redisProxy: FaultProxy;
  readonly postgres: RunningPostgres;
  readonly postgresProxy: FaultProxy;
  readonly front: ClickHouseFront;
  readonly frontProxy: FaultProxy;
  readonly services: readonly [ServiceProcess, ...ServiceProcess[]];
  /** A client of a replica, for what is not load. Made anew by each call; close it. */
  client(replica?: number): BanditClient;
  remove(): Promise<void>;
}

/** Starts everything, with the two agent types of `agent-types.ts`. Nothing of it outlives this process. */
export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), "banditd-faults-"));
  const [redis, postgres, front] = await Promise.all([
    startRedis(
      options.appendfsync === undefined
        ? {}
        : { extraArgs: ["--appendfsync", options.appendfsync] },
    ),
    startPostgres({ durable: true }),
    startClickHouseFront(),
  ]);
  const [redisProxy, postgresProxy, frontProxy] = await Promise.all([
    FaultProxy.start(redis.port),
    FaultProxy.start(portOf(postgres.url)),
    FaultProxy.start(portOf(front.url)),
  ]);
  const services: ServiceProcess[] = [];
  const remove = async (): Promise<void> => {
    await Promise.all(services.map((service) => service.kill()));
    await Promise.all([redisProxy.stop(), postgresProxy.stop(), frontProxy.stop()]);
    await Promise.all([redis.stop(), postgres.stop(), front.stop()]);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    for (let replica = 0; replica < (options.replicas ?? 1); replica += 1) {
      const service = await ServiceProcess.create({
        directory: join(directory, `replica-${replica}`),
        environment: {
          ...hurried,
          REDIS_URL: `redis://127.0.0.1:${redisProxy.port}`,
          DATABASE_URL: throughProxy(postgres.url, postgresProxy),
          CLICKHOUSE_URL: throughProxy(front.url, frontProxy),
          ...options.environment,
        },
      });
      services.push(service);
      await service.start();
    }
    const [first, ...others] = services;
    if (first === undefined) throw new Error("a world has at least one replica");
    const client = (replica = 0): BanditClient =>
      createBanditClient({
        address: (services[replica] as ServiceProcess).grpcAddress,
        deadlineMs: 20_000,
      });
    const creating = client();
    await createAgentTypes(creating);
    creating.close();
    await keepCopies(front.command);
    const heal = async (): Promise<void> => {
      for (const proxy of [redisProxy, postgresProxy, frontProxy]) proxy.pass();
      frontProxy.cutNewReplies(undefined);
      front.failAlways(() => undefined);
      await redis.kill("SIGCONT");
      await redis.restart();
      await postgres.restart();
      for (const service of services) {
        if (service.isRunning) service.signal("SIGCONT");
        else await service.start();
        service.shiftClock(0);
      }
    };
    return {
      query: front.query,
      heal,
      redis,
      redisProxy,
      postgres,
      postgresProxy,
      front,
      frontProxy,
      services: [first, ...others],
      client,
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

function throughProxy(url: string, proxy: FaultProxy): string {
  const changed = new URL(url);
  changed.port = String(proxy.port);
  return changed.href;
}
