import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../support/until.ts";
import { describeFaults } from "./harness/fault-bench.ts";
import { openWorld, type World } from "./harness/world.ts";

describeFaults(
  "two replicas with one data directory, one of which dies, under load",
  { file: "crash", open: () => openWorld({ replicas: 2, sharesDirectory: true }) },
  (bench) => {
    bench.it({
      number: 21,
      name: "two replicas: duplicates, reordered delivery",
      inject: async (_fault, { redisProxy }) => {
        // Delays that keep changing turn the order of what is under way round.
        for (const delayMs of [20, 0, 35, 5, 50, 0]) {
          redisProxy.delay(delayMs);
          await sleep(500);
        }
        redisProxy.pass();
      },
    });

    bench.it({
      number: 2,
      name: "service: SIGKILL while it inserts, restart",
      inject: async (fault, { clickhouse, services: [service] }) => {
        clickhouse.failAlways(() => "slow");
        await sleep(1_500);
        await fault.during("process_down", async () => {
          await service.kill();
          clickhouse.failAlways(() => undefined);
          await service.start();
        });
      },
    });

    // For good: the other one writes what it had taken.
    bench.it(
      {
        number: 4,
        name: "two replicas: one SIGKILLed, the other takes over",
        inject: async (fault, { clickhouse, services: [, second] }) => {
          clickhouse.failAlways(() => "slow");
          await sleep(1_500);
          await fault.during("process_down", async () => {
            await second?.kill();
            clickhouse.failAlways(() => undefined);
            await sleep(2_000);
          });
        },
      },
      (_result, { services: [, second] }) => second?.start(),
    );

    bench.it({
      number: 16,
      name: "ClickHouse down, service SIGKILLed, both back",
      inject: async (fault, { clickhouseProxy, services }) => {
        clickhouseProxy.refuse();
        await sleep(1_500);
        await fault.during("process_down", async () => {
          await Promise.all(services.map((service) => service.kill()));
          await Promise.all(services.map((service) => service.start()));
        });
        await sleep(1_500);
        clickhouseProxy.pass();
      },
    });

    // The first one, started again, has the spool of one of the two and takes over the other's.
    bench.it(
      {
        number: 30,
        name: "Redis down, two replicas SIGKILLed one by one",
        inject: async (fault, world) => {
          const [first, second] = world.services as [...World["services"]];
          const metric = async (name: string) => (await second?.metric(name)) ?? 0;
          await fault.stateOutage({
            begin: () => world.redis.kill("SIGKILL"),
            body: async () => {
              await sleep(2_000);
              await fault.during("process_down", () => first.kill());
              await until("the other one has spooled enough", 30_000, async () => {
                return (await metric("bandit_spool_records")) > 300;
              });
            },
            end: () => world.redis.restart(),
          });
          await fault.during("process_down", async () => {
            await until("it catches up", 20_000, async () => {
              return (await metric("bandit_spool_applied_total")) > 0;
            });
            await second?.kill();
            await first.start();
          });
        },
      },
      (_result, { services: [, second] }) => second?.start(),
    );
  },
);
