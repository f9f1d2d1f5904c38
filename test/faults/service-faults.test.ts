import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { describeFaults } from "./harness/fault-bench.ts";
import { openWorld } from "./harness/world.ts";

const hourMs = 3_600_000;

describeFaults("the service breaks, under load", { file: "service", open: openWorld }, (bench) => {
  it("killed and started again", async () => {
    const { failures } = await bench.run({
      number: 1,
      name: "service: SIGKILL, restart",
      inject: async (fault) => {
        const [service] = bench.site.services;
        await fault.during("process_down", async () => {
          await service.kill();
          await service.start();
        });
      },
    });
    expect(failures).toEqual([]);
  });

  it("stopped for seconds, then going on as if nothing had happened", async () => {
    const { failures } = await bench.run({
      number: 3,
      name: "service: SIGSTOP for 4 s, SIGCONT",
      inject: async (fault) => {
        const [service] = bench.site.services;
        await fault.during("process_down", async () => {
          service.signal("SIGSTOP");
          await sleep(4_000);
          service.signal("SIGCONT");
        });
      },
    });
    expect(failures).toEqual([]);
  });

  it("its clock goes back an hour, and forward again", async () => {
    const { failures } = await bench.run({
      number: 17,
      name: "service: clock back 1 h, and forward again",
      inject: async (fault) => {
        const [service] = bench.site.services;
        // A call that is under way when the clock jumps over its deadline cannot know better.
        await fault.during("disturbed", async () => {
          for (const shiftMs of [-hourMs, 0]) {
            service.shiftClock(shiftMs);
            await sleep(2_000);
          }
        });
      },
    });
    expect(failures).toEqual([]);
  });

  it("its clock is set right while it waits for Redis: what is under way is kept all the same", async () => {
    const { failures } = await bench.run({
      number: 29,
      name: "service: clock forward 1 h while Redis is blackholed",
      inject: async (fault) => {
        const [service] = bench.site.services;
        service.shiftClock(-hourMs);
        await sleep(500);
        await fault.stateOutage({
          begin: () => bench.site.redisProxy.blackhole(),
          body: async () => {
            // Shorter than a call waits for Redis, so that some are waiting.
            await sleep(250);
            service.shiftClock(0);
            await sleep(2_000);
          },
          end: () => bench.site.redisProxy.pass(),
        });
      },
    });
    expect(failures).toEqual([]);
  });

  it("told to stop, and started again", async () => {
    let exitCode: number | null = null;
    const { failures } = await bench.run({
      number: 23,
      name: "service: SIGTERM, restart",
      inject: async (fault) => {
        const [service] = bench.site.services;
        await fault.during("process_down", async () => {
          exitCode = await service.end("SIGTERM");
          await service.start();
        });
      },
    });
    expect(failures).toEqual([]);
    expect(exitCode).toBe(0);
  });
});
