import { setTimeout as sleep } from "node:timers/promises";
import type { SqliteDiskQueue } from "../../src/adapters/sqlite/sqlite-disk-queue.ts";
import type { Engines } from "../../src/app/engines.ts";
import type { DiskQueue } from "../../src/ports/disk-queue.ts";
import type { StateStore } from "../../src/ports/state-store.ts";
import type { BanditServiceOptions } from "../../src/service/create-bandit-service.ts";
import { clockworkPolicy } from "./clockwork-service.ts";
import { OutageStore } from "./outage-store.ts";
import { openSite, type Replica } from "./site.ts";

/** Agent type with two variants; a generation is worth what CI said last. */
export const outageAgent = "outage";

/** Services on the same embedded engines, with a state store that can be taken away and a spool. */
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

export interface OutageService extends Pick<Replica, "running" | "metric" | "close"> {
  readonly outage: OutageStore;
  /** As if the process had been killed: nothing it has begun goes on. */
  kill(): void;
}

export async function openOutageSite(): Promise<OutageSite> {
  const clock = {
    aheadMs: 0,
    wallAheadMs: 0,
    nowMs: () => Date.now() + clock.aheadMs + clock.wallAheadMs,
    monotonicMs: () => performance.now() + clock.aheadMs,
  };
  const site = await openSite("embedded", { clock });
  const engines = await site.openEngines();

  async function open({ wrapState, ...changes }: OpenChanges): Promise<OutageService> {
    const outage = new OutageStore(wrapState?.(engines.state) ?? engines.state);
    const options = { recentDecisionsMax: 8, stateTimeoutMs: 250, ...changes };
    const replica = await site.open({
      engines,
      changes: () => ({ state: outage.store, ...options }),
    });
    return {
      ...replica,
      outage,
      kill() {
        outage.isDead = true;
        replica.abandon();
      },
      async close() {
        outage.mode = "up";
        await replica.close();
      },
    };
  }

  const first = await open({ spool: site.openQueue() });
  const content = { promptTemplate: "t", model: "", parameters: {} };
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
  return {
    engines,
    clock,
    open,
    openQueue: site.openQueue,
    remove: site.remove,
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
