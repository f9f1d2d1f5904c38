import { afterAll, beforeAll, onTestFinished } from "vitest";
import type { ServiceOptions } from "../../src/app/config.ts";
import type { BanditClient } from "../../src/client/index.ts";
import type { Policy } from "../../src/domain/policy.ts";
import { LearningAgent } from "./learning-agent.ts";
import {
  type EngineSet,
  type OpenOptions,
  openSite,
  type Replica,
  type ServedSite,
  type Site,
} from "./site.ts";

/** A service of a file's or suite's tests, by a clock that they move; after {@link restart} it is another one. */
export interface ReplicaSite extends Site, Omit<Replica, "close" | "abandon"> {
  /** An agent type of its own. It follows the service over {@link restart}. */
  agent(policy?: Partial<Policy>, names?: readonly [string, ...string[]]): Promise<LearningAgent>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a site with one service before the first test of the file or suite, and removes it after the last. */
export function useReplica(
  engineSet: EngineSet = "embedded",
  changes?: OpenOptions["changes"],
): ReplicaSite {
  const used = {} as ReplicaSite;
  const agents: LearningAgent[] = [];
  let replica: Replica;
  const open = async (): Promise<void> => {
    replica = await used.open(changes === undefined ? {} : { changes });
    const { engines, telemetry, running, service, metric } = replica;
    Object.assign(used, { engines, telemetry, running, service, metric });
    for (const agent of agents) agent.moveTo(service);
  };
  beforeAll(async () => {
    Object.assign(used, await openSite(engineSet), {
      async agent(policy, names) {
        const name = `agent_${agents.length}`;
        const agent = new LearningAgent({ service: used.service, name, ...(policy && { policy }) });
        agents.push(agent);
        return agent.create(names);
      },
      async restart() {
        await replica.close();
        await open();
      },
      close: () => replica.close(),
    } satisfies Partial<ReplicaSite>);
    await open();
  });
  afterAll(() => used.remove());
  return used;
}

/** A site that is removed after the test. */
export async function openSiteOfTest(engineSet: EngineSet = "embedded"): Promise<Site> {
  const site = await openSite(engineSet);
  onTestFinished(() => site.remove());
  return site;
}

/** A process's worth of service of a file's or suite's tests; after {@link restart} it is another one. */
export interface UsedSite extends Omit<ServedSite, "close"> {
  restart(): Promise<void>;
}

/** Serves on a site of its own from before the first test of the file or suite until after the last. */
export function useServed(
  engineSet: EngineSet = "embedded",
  overrides: Partial<ServiceOptions> = {},
): UsedSite {
  const used = {} as UsedSite;
  let site: Site;
  let served: ServedSite;
  const serve = async (): Promise<void> => {
    served = await site.serve(overrides);
    const { running, client, metric } = served;
    Object.assign(used, { running, client, metric });
  };
  beforeAll(async () => {
    site = await openSite(engineSet);
    used.restart = async () => {
      await served.close();
      await serve();
    };
    await serve();
  });
  afterAll(() => site.remove());
  return used;
}

/** Two processes' worth of service on the same servers; both start on the empty catalogue at once. */
export function useTwoServed(): Record<"first" | "second", BanditClient> {
  const used = {} as Record<"first" | "second", BanditClient>;
  let site: Site;
  beforeAll(async () => {
    site = await openSite("servers");
    const [first, second] = await Promise.all([site.serve(), site.serve()]);
    Object.assign(used, { first: first.client, second: second.client });
  });
  afterAll(() => site.remove());
  return used;
}
