import { join } from "node:path";
import { type BanditClient, createBanditClient } from "../../../src/client/index.ts";
import { startThreeServers, type ThreeServers } from "../../support/three-servers.ts";
import { createAgentTypes } from "./agent-types.ts";
import type { FaultSite } from "./fault.ts";
import { keepCopies } from "./logged-events.ts";
import { ServiceProcess } from "./service-process.ts";

export interface WorldOptions {
  readonly replicas?: number;
  /** The replicas have one data directory; otherwise each has its own. */
  readonly sharesDirectory?: boolean;
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
export interface World extends FaultSite, ThreeServers {
  readonly services: readonly [ServiceProcess, ...ServiceProcess[]];
  /** A client of a replica, for what is not load. Made anew by each call; close it. */
  client(replica?: number): BanditClient;
  heal(): Promise<void>;
}

/** Starts everything, with the two agent types of `agent-types.ts`. Nothing of it outlives this process. */
export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const servers = await startThreeServers({ appendfsync: options.appendfsync ?? "everysec" });
  const services: ServiceProcess[] = [];
  const remove = async (): Promise<void> => {
    await Promise.all(services.map((service) => service.kill()));
    await servers.remove();
  };
  try {
    for (let replica = 0; replica < (options.replicas ?? 1); replica += 1) {
      const service = await ServiceProcess.create({
        directory: join(servers.dataDir, `replica-${options.sharesDirectory ? 0 : replica}`),
        environment: { ...hurried, ...servers.proxied, ...options.environment },
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
    await keepCopies(servers.clickhouse.command);
    const heal = async (): Promise<void> => {
      await servers.heal();
      for (const service of services) {
        if (service.isRunning) service.signal("SIGCONT");
        else await service.start();
        service.shiftClock(0);
      }
    };
    const { query } = servers.clickhouse;
    return { ...servers, query, heal, services: [first, ...others], client, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
