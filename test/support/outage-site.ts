import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SqliteDiskQueue } from "../../src/adapters/sqlite/sqlite-disk-queue.ts";
import { hmacUserIdHasher } from "../../src/adapters/system/hmac-user-id-hasher.ts";
import { PrometheusTelemetry } from "../../src/adapters/system/prometheus-telemetry.ts";
import { systemEntropy } from "../../src/adapters/system/system-entropy.ts";
import { readConfig } from "../../src/app/config.ts";
import { type Engines, openEngines } from "../../src/app/engines.ts";
import type { DiskQueue } from "../../src/ports/disk-queue.ts";
import type { StateStore } from "../../src/ports/state-store.ts";
import {
  type BanditServiceOptions,
  createBanditService,
  type RunningBanditService,
} from "../../src/service/create-bandit-service.ts";
import { clockworkPolicy } from "./clockwork-service.ts";
import { OutageStore } from "./outage-store.ts";
import { makeDirectoryWithData } from "./prepared-data.ts";
import { silentLogger } from "./state-samples.ts";

/** Agent type with two variants; a generation is worth what CI said last. */
export const outageAgent = "outage";

/** Services on the embedded engines, with a state store that can be taken away and a spool. */
export interface OutageSite {
  readonly engines: Engines;
  /** Added to both clocks of the services, and to the wall clock alone. */
  readonly clock: { aheadMs: number; wallAheadMs: number };
  open(changes?: OpenChanges): Promise<OutageService>;
  /** A spool of its own, on disk. */
  openQueue(bytesMax?: number): SqliteDiskQueue;
  remove(): Promise<void>;
}

export interface OpenChanges extends Partial<BanditServiceOptions> {
  /** Between the service and the engine's store. */
  readonly wrapState?: (state: StateStore) => StateStore;
  readonly spool: DiskQueue;
}

export interface OutageService {
  readonly outage: OutageStore;
  readonly running: RunningBanditService;
  /** Value of a counter or gauge, over all of its labels that contain `label`. */
  metric(name: string, label?: string): Promise<number>;
  /** As if the process had been killed: nothing it has begun goes on. */
  kill(): void;
  close(): Promise<void>;
}

export async function openOutageSite(): Promise<OutageSite> {
  const directory = await makeDirectoryWithData();
  const clock = {
    aheadMs: 0,
    wallAheadMs: 0,
    nowMs: () => Date.now() + clock.aheadMs + clock.wallAheadMs,
    monotonicMs: () => performance.now() + clock.aheadMs,
  };
  const telemetry = new PrometheusTelemetry();
  const options = readConfig({ dataDir: join(directory, "data") }, {});
  const engines = await openEngines(options, { clock, logger: silentLogger, telemetry });
  const content = { promptTemplate: "t", model: "", parameters: {} };
  const opened = new Set<OutageService>();
  const queues: SqliteDiskQueue[] = [];

  async function open({ wrapState, ...changes }: OpenChanges): Promise<OutageService> {
    const outage = new OutageStore(wrapState?.(engines.state) ?? engines.state);
    const ownTelemetry = new PrometheusTelemetry();
    const running = await createBanditService({
      state: outage.store,
      catalogue: engines.catalogue,
      eventLog: engines.eventLog,
      deadLetters: engines.deadLetters,
      clock,
      entropy: systemEntropy,
      telemetry: ownTelemetry,
      logger: silentLogger,
      userIds: hmacUserIdHasher("0123456789abcdef"),
      info: { version: "test", engines: engines.names, dataDirectory: directory, startedAtMs: 0 },
      storeContent: false,
      autoCreateAgentTypes: false,
      recentDecisionsMax: 8,
      outbox: { bytesMax: 2 ** 30, whenFull: "refuse" },
      drainIntervalMs: 20,
      drainRowsMax: 500,
      totalsSyncIntervalMs: 1_000,
      defaultRewardIntervalMs: 60_000,
      spill: undefined,
      eventRetentionDays: undefined,
      startCatalogue: undefined,
      catalogueSnapshots: undefined,
      posteriorSnapshots: undefined,
      stateTimeoutMs: 250,
      ...changes,
    });
    const service: OutageService = {
      outage,
      running,
      async metric(name, label = "") {
        const { body } = await ownTelemetry.page();
        return body
          .split("\n")
          .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
          .filter((line) => line.includes(label))
          .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
      },
      kill() {
        outage.isDead = true;
        opened.delete(service);
      },
      async close() {
        if (!opened.delete(service)) return;
        outage.mode = "up";
        await running.stop();
      },
    };
    opened.add(service);
    return service;
  }

  const first = await open({ spool: openQueue() });
  await first.running.service.catalog.createAgentType(
    {
      agentType: outageAgent as never,
      description: "",
      policy: clockworkPolicy,
      variants: [
        { name: "one", description: "", content },
        { name: "two", description: "", content },
      ],
    },
    { signal: new AbortController().signal, actor: "test" },
  );
  await first.close();

  function openQueue(bytesMax = 2 ** 24): SqliteDiskQueue {
    const queue = SqliteDiskQueue.open({
      directory: join(directory, `spool-${queues.length}`),
      bytesMax,
    });
    queues.push(queue);
    return queue;
  }

  return {
    engines,
    clock,
    open,
    openQueue,
    async remove() {
      for (const service of opened) await service.close();
      for (const queue of queues) await queue.close();
      await engines.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Waits until nothing is left in the spool. */
export async function untilEmpty(queue: DiskQueue): Promise<void> {
  const giveUpAtMs = performance.now() + 20_000;
  while (queue.size.records > 0) {
    if (performance.now() > giveUpAtMs) {
      const left = queue.read({ bytesMax: 2000 }).map(({ text }) => text);
      throw new Error(`the spool does not empty itself: ${queue.size.records} left, ${left}`);
    }
    await sleep(5);
  }
}
