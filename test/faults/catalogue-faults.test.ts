import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FaultBench } from "./harness/fault-bench.ts";
import { openWorld, type World } from "./harness/world.ts";

describe("Postgres breaks, under load", { timeout: 300_000 }, () => {
  const bench = new FaultBench("catalogue");
  let world: World;

  beforeAll(async () => {
    world = await openWorld();
    bench.use(world);
  }, 120_000);
  afterAll(async () => {
    bench.report();
    await world?.remove();
  });

  it("killed; the service is started again while it is down, from its snapshot", async () => {
    const [service] = world.services;
    let whileDown: { checks: Record<string, string> } | undefined;
    const { failures } = await bench.run({
      number: 11,
      name: "Postgres: SIGQUIT, service restarted meanwhile, restart",
      inject: async (fault) => {
        await world.postgres.kill();
        await sleep(1_000);
        await fault.during("process_down", async () => {
          await service.kill();
          await service.start();
        });
        await sleep(1_500);
        whileDown = await service.readiness();
        await world.postgres.restart();
      },
    });
    expect(failures).toEqual([]);
    expect(whileDown?.checks["catalogue"]).not.toBe("ok");
  });

  it("its connections go into a black hole", async () => {
    const { failures } = await bench.run({
      number: 12,
      name: "Postgres: connections blackholed",
      inject: async () => {
        world.postgresProxy.blackhole();
        await sleep(4_000);
        world.postgresProxy.pass();
      },
    });
    expect(failures).toEqual([]);
  });
});
