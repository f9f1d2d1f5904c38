import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FaultBench } from "./harness/fault-bench.ts";
import { redisCommand } from "./harness/redis-server.ts";
import { openWorld, type World } from "./harness/world.ts";

// Strict: with `appendfsync always` an answer of Redis means that the disk has it.
describe("Redis breaks, under load", { timeout: 300_000 }, () => {
  const bench = new FaultBench("state");
  let world: World;

  beforeAll(async () => {
    world = await openWorld({ appendfsync: "always" });
    bench.use(world);
  }, 120_000);
  afterAll(async () => {
    bench.report();
    await world?.remove();
  });

  it("killed and started again", async () => {
    const { failures } = await bench.run({
      number: 5,
      name: "Redis: SIGKILL, restart (appendfsync always)",
      inject: async (fault) => {
        await fault.stateOutage({
          begin: () => world.redis.kill("SIGKILL"),
          body: () => sleep(3_000),
          end: () => world.redis.restart(),
        });
      },
    });
    expect(failures).toEqual([]);
  });

  it("its connections go into a black hole, and what was in it arrives late", async () => {
    const { failures } = await bench.run({
      number: 6,
      name: "Redis: blackholed for 4 s",
      inject: async (fault) => {
        await fault.stateOutage({
          begin: () => world.redisProxy.blackhole(),
          body: () => sleep(4_000),
          end: () => world.redisProxy.pass(),
        });
      },
    });
    expect(failures).toEqual([]);
  });

  it("answers are lost on their way back", async () => {
    const { failures } = await bench.run({
      number: 27,
      name: "Redis: half open, answers lost for 4 s",
      inject: async (fault) => {
        await fault.stateOutage({
          begin: () => world.redisProxy.loseReplies(),
          body: () => sleep(4_000),
          end: () => world.redisProxy.pass(),
        });
      },
    });
    expect(failures).toEqual([]);
  });

  it("its connections are cut again and again, also in the middle of an answer", async () => {
    const { failures } = await bench.run({
      number: 7,
      name: "Redis: connections cut 12 times",
      inject: (fault) =>
        fault.during("disturbed", async () => {
          for (let round = 0; round < 6; round += 1) {
            await sleep(350);
            world.redisProxy.cutAll();
            await sleep(350);
            world.redisProxy.cutReplies(7 + 30 * round);
          }
        }),
    });
    expect(failures).toEqual([]);
  });

  it("stopped for seconds, then going on with what it was asked meanwhile", async () => {
    const { failures } = await bench.run({
      number: 8,
      name: "Redis: SIGSTOP for 4 s, SIGCONT",
      inject: async (fault) => {
        await fault.stateOutage({
          begin: () => world.redis.kill("SIGSTOP"),
          body: () => sleep(4_000),
          end: () => world.redis.kill("SIGCONT"),
        });
      },
    });
    expect(failures).toEqual([]);
  });

  it("down, and the service is killed and started meanwhile", async () => {
    const { failures } = await bench.run({
      number: 9,
      name: "Redis down, service SIGKILLed, both back",
      inject: async (fault) => {
        const [service] = world.services;
        await fault.stateOutage({
          begin: () => world.redis.kill("SIGKILL"),
          body: async () => {
            await sleep(2_000);
            await fault.during("process_down", async () => {
              await service.kill();
              await service.start();
            });
            await sleep(2_000);
          },
          end: () => world.redis.restart(),
        });
      },
    });
    expect(failures).toEqual([]);
  });

  it("forgets its scripts again and again", async () => {
    const { failures } = await bench.run({
      number: 10,
      name: "Redis: SCRIPT FLUSH 10 times",
      inject: async () => {
        for (let round = 0; round < 10; round += 1) {
          await redisCommand(world.redis.port, "SCRIPT", "FLUSH");
          await sleep(250);
        }
      },
    });
    expect(failures).toEqual([]);
  });

  it("takes 200 ms for everything", async () => {
    const { failures } = await bench.run({
      number: 24,
      name: "Redis: 200 ms away for 4 s",
      inject: (fault) =>
        fault.during("disturbed", async () => {
          world.redisProxy.delay(100);
          await sleep(4_000);
          world.redisProxy.pass();
        }),
    });
    expect(failures).toEqual([]);
  });
});
