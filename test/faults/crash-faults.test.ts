import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FaultBench } from "./harness/fault-bench.ts";
import { openWorld, type World } from "./harness/world.ts";

describe("two replicas, one of which dies, under load", { timeout: 300_000 }, () => {
  const bench = new FaultBench("crash");
  let world: World;

  beforeAll(async () => {
    world = await openWorld({ replicas: 2 });
    bench.use(world);
  }, 120_000);
  afterAll(async () => {
    bench.report();
    await world?.remove();
  });

  it("duplicates and reports in the wrong order reach both", async () => {
    const { failures } = await bench.run({
      number: 21,
      name: "two replicas: duplicates, reordered delivery",
      inject: async () => {
        // Delays that keep changing turn the order of what is under way round.
        for (const delayMs of [20, 0, 35, 5, 50, 0]) {
          world.redisProxy.delay(delayMs);
          await sleep(500);
        }
        world.redisProxy.pass();
      },
    });
    expect(failures).toEqual([]);
  });

  it("killed in the middle of an insert, and started again", async () => {
    const { failures } = await bench.run({
      number: 2,
      name: "service: SIGKILL while it inserts, restart",
      inject: async (fault) => {
        const [service] = world.services;
        world.front.failAlways(() => "slow");
        await sleep(1_500);
        await fault.during("process_down", async () => {
          await service.kill();
          world.front.failAlways(() => undefined);
          await service.start();
        });
      },
    });
    expect(failures).toEqual([]);
  });

  it("killed for good: the other one writes what it had taken", async () => {
    const second = world.services[1];
    const { failures } = await bench.run({
      number: 4,
      name: "two replicas: one SIGKILLed, the other takes over",
      inject: async (fault) => {
        world.front.failAlways(() => "slow");
        await sleep(1_500);
        await fault.during("process_down", async () => {
          await second?.kill();
          world.front.failAlways(() => undefined);
          await sleep(2_000);
        });
      },
    });
    expect(failures).toEqual([]);
    await second?.start();
  });

  it("ClickHouse is down, the service is killed and started meanwhile", async () => {
    const { failures } = await bench.run({
      number: 16,
      name: "ClickHouse down, service SIGKILLed, both back",
      inject: async (fault) => {
        world.frontProxy.refuse();
        await sleep(1_500);
        await fault.during("process_down", async () => {
          await Promise.all(world.services.map((service) => service.kill()));
          await Promise.all(world.services.map((service) => service.start()));
        });
        await sleep(1_500);
        world.frontProxy.pass();
      },
    });
    expect(failures).toEqual([]);
  });
});
