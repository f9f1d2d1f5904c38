import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { describeFaults } from "./harness/fault-bench.ts";
import { openWorld } from "./harness/world.ts";

describeFaults(
  "two replicas, one of which dies, under load",
  { file: "crash", open: () => openWorld({ replicas: 2 }) },
  (bench) => {
    it("duplicates and reports in the wrong order reach both", async () => {
      const { failures } = await bench.run({
        number: 21,
        name: "two replicas: duplicates, reordered delivery",
        inject: async () => {
          // Delays that keep changing turn the order of what is under way round.
          for (const delayMs of [20, 0, 35, 5, 50, 0]) {
            bench.site.redisProxy.delay(delayMs);
            await sleep(500);
          }
          bench.site.redisProxy.pass();
        },
      });
      expect(failures).toEqual([]);
    });

    it("killed in the middle of an insert, and started again", async () => {
      const { failures } = await bench.run({
        number: 2,
        name: "service: SIGKILL while it inserts, restart",
        inject: async (fault) => {
          const [service] = bench.site.services;
          bench.site.clickhouse.failAlways(() => "slow");
          await sleep(1_500);
          await fault.during("process_down", async () => {
            await service.kill();
            bench.site.clickhouse.failAlways(() => undefined);
            await service.start();
          });
        },
      });
      expect(failures).toEqual([]);
    });

    it("killed for good: the other one writes what it had taken", async () => {
      const second = bench.site.services[1];
      const { failures } = await bench.run({
        number: 4,
        name: "two replicas: one SIGKILLed, the other takes over",
        inject: async (fault) => {
          bench.site.clickhouse.failAlways(() => "slow");
          await sleep(1_500);
          await fault.during("process_down", async () => {
            await second?.kill();
            bench.site.clickhouse.failAlways(() => undefined);
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
          bench.site.clickhouseProxy.refuse();
          await sleep(1_500);
          await fault.during("process_down", async () => {
            await Promise.all(bench.site.services.map((service) => service.kill()));
            await Promise.all(bench.site.services.map((service) => service.start()));
          });
          await sleep(1_500);
          bench.site.clickhouseProxy.pass();
        },
      });
      expect(failures).toEqual([]);
    });
  },
);
