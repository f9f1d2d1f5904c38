import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { describeFaults } from "./harness/fault-bench.ts";
import { openWorld } from "./harness/world.ts";

describeFaults("Postgres breaks, under load", { file: "catalogue", open: openWorld }, (bench) => {
  bench.it({
    number: 11,
    name: "Postgres: SIGQUIT, service restarted meanwhile, restart",
    inject: async (fault, { postgres, services: [service] }) => {
      await postgres.kill();
      await sleep(1_000);
      // From its snapshot.
      await fault.during("process_down", async () => {
        await service.kill();
        await service.start();
      });
      await sleep(1_500);
      expect((await service.readiness()).checks["catalogue"]).not.toBe("ok");
      await postgres.restart();
    },
  });

  bench.it({
    number: 12,
    name: "Postgres: connections blackholed",
    inject: async (_fault, { postgresProxy }) => {
      postgresProxy.blackhole();
      await sleep(4_000);
      postgresProxy.pass();
    },
  });
});
