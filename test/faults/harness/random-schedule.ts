import { setTimeout as sleep } from "node:timers/promises";
import { SeededGenerator } from "../../../src/numerics/random-generator.ts";
import type { FrontFailure } from "../../support/clickhouse-front.ts";
import type { FaultProxy } from "../../support/fault-proxy.ts";
import type { FaultContext } from "./fault.ts";
import { redisCommand } from "./redis-server.ts";
import type { ServiceProcess } from "./service-process.ts";
import type { World } from "./world.ts";

/** Breaks something for about so long, and puts it right again. */
type Act = (forMs: number) => Promise<void>;

/** One part of the world: its acts come one after the other, those of different parts at the same time. */
interface Part {
  readonly name: string;
  readonly pauseMsMax: number;
  readonly acts: Readonly<Record<string, Act>>;
}

const actMsMin = 100;
const actMsMax = 2_000;
const clockBackMs = 3_600_000;

/**
 * Breaks parts of the world at random for a while. The same seed gives the same acts in the same order in each
 * part; when exactly they fall is up to the machine.
 */
export async function runRandomSchedule(
  world: World,
  context: FaultContext,
  options: { readonly seed: number; readonly forMs: number },
): Promise<void> {
  const startMs = performance.now();
  const endMs = startMs + options.forMs;
  const perform = async (part: Part, index: number): Promise<void> => {
    const random = SeededGenerator.fromSeed(options.seed * 100 + index);
    const names = Object.keys(part.acts);
    for (;;) {
      await sleep(random.next() * part.pauseMsMax);
      const name = names[Math.floor(random.next() * names.length)] as string;
      const forMs = actMsMin + random.next() * (actMsMax - actMsMin);
      if (performance.now() > endMs) return;
      const atMs = performance.now() - startMs;
      context.done.push(
        `${(atMs / 1000).toFixed(1)} s: ${part.name} ${name} for ${forMs.toFixed(0)} ms`,
      );
      await (part.acts[name] as Act)(forMs);
    }
  };
  await context.during("disturbed", async () => {
    await Promise.all(partsOf(world, context).map(perform));
  });
}

function partsOf(world: World, context: FaultContext): Part[] {
  const { redis, redisProxy, postgres, postgresProxy, clickhouse, clickhouseProxy, services } =
    world;
  const frontFails =
    (kind: FrontFailure): Act =>
    async (forMs) => {
      clickhouse.failAlways(() => kind);
      await sleep(forMs);
      clickhouse.failAlways(() => undefined);
    };
  return [
    { name: "link to Redis", pauseMsMax: 5_000, acts: linkActs(redisProxy) },
    { name: "link to Postgres", pauseMsMax: 5_000, acts: linkActs(postgresProxy) },
    { name: "link to ClickHouse", pauseMsMax: 5_000, acts: linkActs(clickhouseProxy) },
    {
      name: "Redis",
      pauseMsMax: 12_000,
      acts: {
        "is killed": async (forMs) => {
          await redis.kill("SIGKILL");
          await sleep(forMs);
          await redis.restart();
        },
        "stands still": async (forMs) => {
          await redis.kill("SIGSTOP");
          await sleep(forMs);
          await redis.kill("SIGCONT");
        },
        "forgets its scripts": async () => {
          // It may be dead or stopped just now.
          await redisCommand(redis.port, "SCRIPT", "FLUSH").catch(() => undefined);
        },
      },
    },
    {
      name: "Postgres",
      pauseMsMax: 15_000,
      acts: {
        "is killed": async (forMs) => {
          await postgres.kill();
          await sleep(forMs);
          await postgres.restart();
        },
      },
    },
    {
      name: "ClickHouse",
      pauseMsMax: 4_000,
      acts: {
        "answers 500": frontFails("busy"),
        hangs: frontFails("hang"),
        "cuts before": frontFails("cut_before"),
        "cuts after": frontFails("cut_after"),
        "cuts in mid-reply": frontFails("cut_mid_reply"),
        "is slow": frontFails("slow"),
      },
    },
    ...services.map((service, replica) => ({
      name: `replica ${replica}`,
      pauseMsMax: 10_000,
      acts: serviceActs(service, context),
    })),
  ];
}

function linkActs(proxy: FaultProxy): Record<string, Act> {
  const lasting =
    (begin: () => void): Act =>
    async (forMs) => {
      begin();
      await sleep(forMs);
      proxy.pass();
    };
  return {
    "is a black hole": lasting(() => proxy.blackhole()),
    "is refused": lasting(() => proxy.refuse()),
    "loses answers": lasting(() => proxy.loseReplies()),
    "is slow": lasting(() => proxy.delay(75)),
    "is cut": async () => proxy.cutAll(),
    "is cut in mid-reply": async () => proxy.cutReplies(10),
  };
}

function serviceActs(service: ServiceProcess, context: FaultContext): Record<string, Act> {
  const down =
    (act: Act): Act =>
    (forMs) =>
      context.during("process_down", () => act(forMs));
  return {
    "is killed": down(async (forMs) => {
      await service.kill();
      await sleep(forMs);
      await service.start();
    }),
    "is told to stop": down(async () => {
      await service.end("SIGTERM");
      await service.start();
    }),
    "stands still": down(async (forMs) => {
      service.signal("SIGSTOP");
      await sleep(forMs);
      service.signal("SIGCONT");
    }),
    "has its clock an hour back": async (forMs) => {
      service.shiftClock(-clockBackMs);
      await sleep(forMs);
      service.shiftClock(0);
    },
  };
}
