import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { describeFaults } from "./harness/fault-bench.ts";
import { openWorld } from "./harness/world.ts";

const hourMs = 3_600_000;

describeFaults("the service breaks, under load", { file: "service", open: openWorld }, (bench) => {
  bench.it({
    number: 1,
    name: "service: SIGKILL, restart",
    inject: (fault, { services: [service] }) =>
      fault.during("process_down", async () => {
        await service.kill();
        await service.start();
      }),
  });

  bench.it({
    number: 3,
    name: "service: SIGSTOP for 4 s, SIGCONT",
    inject: (fault, { services: [service] }) =>
      fault.during("process_down", async () => {
        service.signal("SIGSTOP");
        await sleep(4_000);
        service.signal("SIGCONT");
      }),
  });

  bench.it({
    number: 17,
    name: "service: clock back 1 h, and forward again",
    inject: (fault, { services: [service] }) =>
      // A call that is under way when the clock jumps over its deadline cannot know better.
      fault.during("disturbed", async () => {
        for (const shiftMs of [-hourMs, 0]) {
          service.shiftClock(shiftMs);
          await sleep(2_000);
        }
      }),
  });

  // The clock is set right while calls wait for Redis: what is under way is kept all the same.
  bench.it({
    number: 29,
    name: "service: clock forward 1 h while Redis is blackholed",
    inject: async (fault, { services: [service], redisProxy }) => {
      service.shiftClock(-hourMs);
      await sleep(500);
      await fault.stateOutage({
        begin: () => redisProxy.blackhole(),
        body: async () => {
          // Shorter than a call waits for Redis, so that some are waiting.
          await sleep(250);
          service.shiftClock(0);
          await sleep(2_000);
        },
        end: () => redisProxy.pass(),
      });
    },
  });

  let exitCode: number | null = null;
  bench.it(
    {
      number: 23,
      name: "service: SIGTERM, restart",
      inject: (fault, { services: [service] }) =>
        fault.during("process_down", async () => {
          exitCode = await service.end("SIGTERM");
          await service.start();
        }),
    },
    () => expect(exitCode).toBe(0),
  );
});
