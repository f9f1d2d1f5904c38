import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { until } from "../support/until.ts";
import type { FaultContext } from "./harness/fault.ts";
import { describeFaults } from "./harness/fault-bench.ts";
import type { FaultResult } from "./harness/fault-run.ts";
import { openWorld, type World } from "./harness/world.ts";

/**
 * Reports are refused and then decisions not stored when the disk is slower than the load for as long as the last fifth
 * of this lasts, and a batch of the killed process counts until it is taken over: room for that on a slow disk.
 */
const spilling = { BANDIT_OUTBOX_BYTES_MAX: "1048576", BANDIT_OUTBOX_FULL: "spill" };

const restartWith =
  (environment: Readonly<Record<string, string>>) =>
  async ({ services: [service] }: World): Promise<void> => {
    await service.end("SIGTERM");
    await service.start(environment);
  };
const untilRefused = async ({ load }: FaultContext): Promise<void> => {
  await until("20 refusals", 60_000, () => load.refusals >= 20);
  await sleep(1_000);
};
const wereRefused = ({ context }: FaultResult): void =>
  expect(context.load.refusals).toBeGreaterThanOrEqual(20);

describeFaults(
  "a bound is reached, under load",
  { file: "bound", open: () => openWorld({ appendfsync: "always" }) },
  (bench) => {
    bench.it(
      {
        number: 18,
        name: "Redis down, spool full: refused, taken later",
        allowsUnrecorded: true,
        prepare: restartWith({ BANDIT_SPOOL_BYTES_MAX: "65536" }),
        inject: (fault, { redisProxy, services: [service] }) =>
          fault.stateOutage({
            begin: () => redisProxy.refuse(),
            body: async () => {
              await untilRefused(fault);
              expect(await service.metric("bandit_spool_bytes")).toBeLessThanOrEqual(65_536);
            },
            end: () => redisProxy.pass(),
          }),
      },
      wereRefused,
    );

    bench.it(
      {
        number: 19,
        name: "ClickHouse down, outbox full: refused, taken later",
        allowsUnrecorded: true,
        // Some seconds of this load.
        prepare: restartWith({ BANDIT_OUTBOX_BYTES_MAX: "262144" }),
        inject: (fault, { clickhouseProxy }) =>
          fault.during("disturbed", async () => {
            clickhouseProxy.refuse();
            await untilRefused(fault);
            clickhouseProxy.pass();
          }),
      },
      wereRefused,
    );

    bench.it({
      number: 20,
      name: "ClickHouse down, outbox spills, service SIGKILLed",
      prepare: restartWith(spilling),
      inject: async (fault, { clickhouseProxy, services: [service] }) => {
        clickhouseProxy.refuse();
        await until("events are spilled", 60_000, async () => {
          return ((await service.metric("bandit_spill_bytes")) ?? 0) > 0;
        });
        await fault.during("process_down", async () => {
          await service.kill();
          await service.start(spilling);
        });
        await sleep(1_500);
        clickhouseProxy.pass();
      },
    });
  },
);
