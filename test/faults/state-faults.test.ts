import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { describeFaults } from "./harness/fault-bench.ts";
import { redisCommand } from "./harness/redis-server.ts";
import { openWorld, type World } from "./harness/world.ts";

// Strict: with `appendfsync always` an answer of Redis means that the disk has it.
describeFaults(
  "Redis breaks, under load",
  { file: "state", open: () => openWorld({ appendfsync: "always" }) },
  (bench) => {
    /** Redis is away for some seconds, in one way or another. */
    const away = (
      number: number,
      name: string,
      { begin, end }: Record<"begin" | "end", (world: World) => Promise<void> | void>,
    ) => {
      const outages = async ({ services: [service] }: World) =>
        (await service.metric("bandit_state_outages_total")) ?? 0;
      let before = 0;
      bench.it(
        {
          ...{ number, name },
          inject: async (fault, world) => {
            before = await outages(world);
            await fault.stateOutage({
              begin: () => begin(world),
              body: () => sleep(4_000),
              end: () => end(world),
            });
          },
        },
        // It is noticed as a whole, not again and again.
        async (_result, world) => expect((await outages(world)) - before).toBeLessThanOrEqual(3),
      );
    };

    away(5, "Redis: SIGKILL, restart (appendfsync always)", {
      begin: ({ redis }) => redis.kill("SIGKILL"),
      end: ({ redis }) => redis.restart(),
    });
    // What was in the hole arrives late.
    away(6, "Redis: blackholed for 4 s", {
      begin: ({ redisProxy }) => redisProxy.blackhole(),
      end: ({ redisProxy }) => redisProxy.pass(),
    });
    away(27, "Redis: half open, answers lost for 4 s", {
      begin: ({ redisProxy }) => redisProxy.loseReplies(),
      end: ({ redisProxy }) => redisProxy.pass(),
    });
    // It goes on with what it was asked meanwhile.
    away(8, "Redis: SIGSTOP for 4 s, SIGCONT", {
      begin: ({ redis }) => redis.kill("SIGSTOP"),
      end: ({ redis }) => redis.kill("SIGCONT"),
    });

    bench.it({
      number: 7,
      name: "Redis: connections cut 12 times",
      inject: (fault, { redisProxy }) =>
        fault.during("disturbed", async () => {
          for (let round = 0; round < 6; round += 1) {
            await sleep(350);
            redisProxy.cutAll();
            await sleep(350);
            // In the middle of an answer.
            redisProxy.cutReplies(7 + 30 * round);
          }
        }),
    });

    bench.it({
      number: 9,
      name: "Redis down, service SIGKILLed, both back",
      inject: (fault, { redis, services: [service] }) =>
        fault.stateOutage({
          begin: () => redis.kill("SIGKILL"),
          body: async () => {
            await sleep(2_000);
            await fault.during("process_down", async () => {
              await service.kill();
              await service.start();
            });
            await sleep(2_000);
          },
          end: () => redis.restart(),
        }),
    });

    bench.it(
      {
        number: 10,
        name: "Redis: SCRIPT FLUSH 200 times",
        inject: async (_fault, { redis }) => {
          for (let round = 0; round < 200; round += 1) {
            await redisCommand(redis.port, "SCRIPT", "FLUSH");
            await sleep(10);
          }
        },
      },
      // Forgotten scripts are sent again: no call fails. If they were not, nearly every call would be degraded; a machine
      // that stands still for half a second degrades those of that time.
      ({ context: { load } }) => {
        expect(load.calls.filter(({ status }) => status !== "ok")).toEqual([]);
        const degraded = load.calls.filter((call) => call.degraded);
        expect(degraded.length).toBeLessThan(load.calls.length / 10);
      },
    );

    bench.it({
      number: 24,
      name: "Redis: 200 ms away for 4 s",
      inject: (fault, { redisProxy }) =>
        fault.during("disturbed", async () => {
          redisProxy.delay(100);
          await sleep(4_000);
          redisProxy.pass();
        }),
    });
  },
);
