import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { describeFaults } from "./harness/fault-bench.ts";
import { redisCommand } from "./harness/redis-server.ts";
import { openWorld } from "./harness/world.ts";

// Strict: with `appendfsync always` an answer of Redis means that the disk has it.
describeFaults(
  "Redis breaks, under load",
  { file: "state", open: () => openWorld({ appendfsync: "always" }) },
  (bench) => {
    it("killed and started again", async () => {
      const { failures } = await bench.run({
        number: 5,
        name: "Redis: SIGKILL, restart (appendfsync always)",
        inject: async (fault) => {
          await fault.stateOutage({
            begin: () => bench.site.redis.kill("SIGKILL"),
            body: () => sleep(3_000),
            end: () => bench.site.redis.restart(),
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
            begin: () => bench.site.redisProxy.blackhole(),
            body: () => sleep(4_000),
            end: () => bench.site.redisProxy.pass(),
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
            begin: () => bench.site.redisProxy.loseReplies(),
            body: () => sleep(4_000),
            end: () => bench.site.redisProxy.pass(),
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
              bench.site.redisProxy.cutAll();
              await sleep(350);
              bench.site.redisProxy.cutReplies(7 + 30 * round);
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
            begin: () => bench.site.redis.kill("SIGSTOP"),
            body: () => sleep(4_000),
            end: () => bench.site.redis.kill("SIGCONT"),
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
          const [service] = bench.site.services;
          await fault.stateOutage({
            begin: () => bench.site.redis.kill("SIGKILL"),
            body: async () => {
              await sleep(2_000);
              await fault.during("process_down", async () => {
                await service.kill();
                await service.start();
              });
              await sleep(2_000);
            },
            end: () => bench.site.redis.restart(),
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
            await redisCommand(bench.site.redis.port, "SCRIPT", "FLUSH");
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
            bench.site.redisProxy.delay(100);
            await sleep(4_000);
            bench.site.redisProxy.pass();
          }),
      });
      expect(failures).toEqual([]);
    });
  },
);
