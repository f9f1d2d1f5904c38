import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { describeFaults } from "./harness/fault-bench.ts";
import { until } from "./harness/settlement.ts";
import type { VirtualLoad } from "./harness/virtual-load.ts";
import { openWorld } from "./harness/world.ts";

/** Some seconds of this load. */
const outboxBytesMax = "262144";
/**
 * Reports are refused and then decisions not stored when the disk is slower than the load for as long as the last fifth
 * of this lasts, and a batch of the killed process counts until it is taken over: room for that on a slow disk.
 */
const spillingOutboxBytesMax = "1048576";

describeFaults(
  "a bound is reached, under load",
  { file: "bound", open: () => openWorld({ appendfsync: "always" }) },
  (bench) => {
    const restartWith = async (environment: Readonly<Record<string, string>>): Promise<void> => {
      await bench.site.services[0].end("SIGTERM");
      await bench.site.services[0].start(environment);
    };
    const refusalsOf = (load: VirtualLoad, count: number): Promise<true> =>
      until(`${count} refusals`, 60_000, () => (load.refusals >= count ? true : undefined));

    it("the spool is full while Redis is away: reports are refused, and taken when it is back", async () => {
      await restartWith({ BANDIT_SPOOL_BYTES_MAX: "65536" });
      const { failures, context } = await bench.run({
        number: 18,
        name: "Redis down, spool full: refused, taken later",
        allowsUnrecorded: true,
        inject: (fault) =>
          fault.stateOutage({
            begin: () => bench.site.redisProxy.refuse(),
            body: async () => {
              await refusalsOf(fault.load, 20);
              await sleep(1_000);
            },
            end: () => bench.site.redisProxy.pass(),
          }),
      });
      expect(failures).toEqual([]);
      expect(context.load.refusals).toBeGreaterThanOrEqual(20);
    });

    it("the outbox is full while ClickHouse is away: reports are refused, and taken when it is back", async () => {
      await restartWith({ BANDIT_OUTBOX_BYTES_MAX: outboxBytesMax });
      const { failures, context } = await bench.run({
        number: 19,
        name: "ClickHouse down, outbox full: refused, taken later",
        allowsUnrecorded: true,
        inject: (fault) =>
          fault.during("disturbed", async () => {
            bench.site.clickhouseProxy.refuse();
            await refusalsOf(fault.load, 20);
            await sleep(1_000);
            bench.site.clickhouseProxy.pass();
          }),
      });
      expect(failures).toEqual([]);
      expect(context.load.refusals).toBeGreaterThanOrEqual(20);
    });

    it("the outbox is full and spills to disk, and the service is killed meanwhile", async () => {
      const [service] = bench.site.services;
      const spilling = {
        BANDIT_OUTBOX_BYTES_MAX: spillingOutboxBytesMax,
        BANDIT_OUTBOX_FULL: "spill",
      };
      await restartWith(spilling);
      const { failures } = await bench.run({
        number: 20,
        name: "ClickHouse down, outbox spills, service SIGKILLed",
        inject: async (fault) => {
          bench.site.clickhouseProxy.refuse();
          await until("events to be spilled", 60_000, async () =>
            ((await service.metric("bandit_spill_bytes")) ?? 0) > 0 ? true : undefined,
          );
          await fault.during("process_down", async () => {
            await service.kill();
            await service.start(spilling);
          });
          await sleep(1_500);
          bench.site.clickhouseProxy.pass();
        },
      });
      expect(failures).toEqual([]);
    });
  },
);
