import { setTimeout as sleep } from "node:timers/promises";
import type { SqliteDiskQueue } from "../../src/adapters/sqlite/sqlite-disk-queue.ts";
import type { Engines } from "../../src/app/engines.ts";
import type { DiskQueue } from "../../src/ports/disk-queue.ts";
import type { StateStore } from "../../src/ports/state-store.ts";
import type { BanditServiceOptions } from "../../src/service/create-bandit-service.ts";
import { type Fault, faultyStateStore, mortal } from "./faulty.ts";
import { ciPolicy, LearningAgent } from "./learning-agent.ts";
import { openSite, type Replica } from "./site.ts";

const faults = {
  up: undefined,
  down: { kind: "refused" },
  answers_lost: { kind: "lost" },
  silent: { kind: "silent", isDone: false, failsAfterMs: 500 },
  silent_done: { kind: "silent", isDone: true, failsAfterMs: 500 },
} as const satisfies Record<string, Fault | undefined>;
/** How the state store fails. A time-out comes long after nobody waits any more. */
export type OutageMode = keyof typeof faults;

/** Services on the same embedded engines, with a state store that can be taken away and a spool. */
export interface OutageSite {
  readonly engines: Engines;
  /** Added to both clocks of the services, and to the wall clock alone. */
  readonly clock: { aheadMs: number; wallAheadMs: number };
  open(changes?: OpenChanges): Promise<OutageService>;
  /** Sums over the arms of what was learned. */
  learned(codeType: string): Promise<{ reward: number; weight: number }>;
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
  /** `calls`: so many were made of the store, answered or not. */
  readonly outage: { mode: OutageMode; calls: number };
  /** An agent type with two variants; a generation is worth what CI said last. */
  readonly agent: LearningAgent;
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
    const outage = { mode: "up" as OutageMode, calls: 0 };
    const life = { isOver: false };
    const store = faultyStateStore(wrapState?.(engines.state) ?? engines.state, () => {
      outage.calls += 1;
      return faults[outage.mode];
    });
    const options = { recentDecisionsMax: 8, stateTimeoutMs: 250, ...changes };
    const replica = await site.open({
      engines,
      changes: () => ({ state: mortal(life, store), ...options }),
    });
    const { service } = replica;
    return {
      ...replica,
      outage,
      agent: new LearningAgent({ service, name: "outage", policy: ciPolicy }),
      kill() {
        life.isOver = true;
        replica.abandon();
      },
      async close() {
        outage.mode = "up";
        await replica.close();
      },
    };
  }

  const first = await open({ spool: site.openQueue() });
  await first.agent.create(["one", "two"]);
  await first.close();
  async function learned(codeType: string) {
    const sum = { reward: 0, weight: 0 };
    for await (const arm of engines.state.listTotals()) {
      if (arm.codeType !== codeType) continue;
      sum.reward += arm.totals.reward;
      sum.weight += arm.totals.weight;
    }
    return sum;
  }
  return { engines, clock, open, learned, openQueue: site.openQueue, remove: site.remove };
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
