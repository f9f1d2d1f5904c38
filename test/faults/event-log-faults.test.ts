import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { SeededGenerator } from "../../src/numerics/random-generator.ts";
import { banditd } from "../integration/cli/cli-process.ts";
import type { FrontFailure } from "../support/clickhouse-front.ts";
import { describeFaults } from "./harness/fault-bench.ts";
import { until } from "./harness/settlement.ts";
import { openWorld } from "./harness/world.ts";

describeFaults("ClickHouse breaks, under load", { file: "event-log", open: openWorld }, (bench) => {
  /** What the front does for some seconds. */
  const failing = async (choose: () => FrontFailure | undefined, forMs: number): Promise<void> => {
    bench.site.clickhouse.failAlways(choose);
    await sleep(forMs);
    bench.site.clickhouse.failAlways(() => undefined);
  };

  it("answers 500, then 502 from a proxy", async () => {
    const { failures } = await bench.run({
      number: 13,
      name: "ClickHouse: answers 500, then 502",
      inject: async () => {
        await failing(() => "busy", 2_000);
        await failing(() => "refused_by_proxy", 2_000);
      },
    });
    expect(failures).toEqual([]);
  });

  it("does not answer at all", async () => {
    const { failures } = await bench.run({
      number: 14,
      name: "ClickHouse: hangs",
      inject: () => failing(() => "hang", 4_000),
    });
    expect(failures).toEqual([]);
  });

  it("cuts the connection before an insert, after it, and in the middle of the answer", async () => {
    const random = SeededGenerator.fromSeed(15);
    const cuts = ["cut_before", "cut_after", "cut_mid_reply", undefined] as const;
    const { failures } = await bench.run({
      number: 15,
      name: "ClickHouse: connection cut before, after, in mid-reply",
      inject: async () => {
        await failing(() => cuts[Math.floor(random.next() * cuts.length)], 5_000);
        // The same between the two machines: the status line arrives, its end does not.
        bench.site.clickhouseProxy.cutNewReplies(20);
        await sleep(1_500);
        bench.site.clickhouseProxy.cutNewReplies(undefined);
        bench.site.clickhouseProxy.cutAll();
      },
    });
    expect(failures).toEqual([]);
  });

  it("refuses rows: they wait as dead letters, the others go in, and returned letters follow", async () => {
    const [service] = bench.site.services;
    const client = bench.site.client();
    const deadLetters = async () => Number((await client.listDeadLetters({})).total);
    const { failures } = await bench.run({
      number: 22,
      name: "ClickHouse: refuses rows; dead letters, returned",
      inject: async () => {
        // The engine's own refusal, of some rows in the middle of many good ones.
        await bench.site.clickhouse.command(
          "ALTER TABLE bandit.outcomes ADD CONSTRAINT no_builds CHECK outcome_id != 'build'",
        );
        await until("ten dead letters", 60_000, async () =>
          (await deadLetters()) >= 10 ? true : undefined,
        );
        await bench.site.clickhouse.command(
          "ALTER TABLE bandit.outcomes DROP CONSTRAINT no_builds",
        );
      },
      repair: async () => {
        const address = service.grpcAddress;
        await until("the dead letters to be replayed", 60_000, async () => {
          await banditd(["dead-letters", "return", "--all", "--address", address]);
          return (await deadLetters()) === 0 ? true : undefined;
        });
      },
    });
    client.close();
    expect(failures).toEqual([]);
  });
});
