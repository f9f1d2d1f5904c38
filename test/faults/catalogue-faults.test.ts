import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { describeFaults } from "./harness/fault-bench.ts";
import { openWorld } from "./harness/world.ts";

describeFaults("Postgres breaks, under load", { file: "catalogue", open: openWorld }, (bench) => {
  it("killed; the service is started again while it is down, from its snapshot", async () => {
    const [service] = bench.site.services;
    let whileDown: { checks: Record<string, string> } | undefined;
    const { failures } = await bench.run({
      number: 11,
      name: "Postgres: SIGQUIT, service restarted meanwhile, restart",
      inject: async (fault) => {
        await bench.site.postgres.kill();
        await sleep(1_000);
        await fault.during("process_down", async () => {
          await service.kill();
          await service.start();
        });
        await sleep(1_500);
        whileDown = await service.readiness();
        await bench.site.postgres.restart();
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
        bench.site.postgresProxy.blackhole();
        await sleep(4_000);
        bench.site.postgresProxy.pass();
      },
    });
    expect(failures).toEqual([]);
  });
});
