import { setTimeout as sleep } from "node:timers/promises";
import { SeededGenerator } from "../../src/numerics/random-generator.ts";
import { banditd } from "../integration/cli/cli-process.ts";
import type { FrontFailure } from "../support/clickhouse-front.ts";
import { until } from "../support/until.ts";
import { describeFaults } from "./harness/fault-bench.ts";
import { openWorld, type World } from "./harness/world.ts";

/** What the front does for some seconds. */
async function failing(
  { clickhouse }: World,
  choose: () => FrontFailure | undefined,
  forMs: number,
): Promise<void> {
  clickhouse.failAlways(choose);
  await sleep(forMs);
  clickhouse.failAlways(() => undefined);
}

async function deadLetters(world: World): Promise<number> {
  const client = world.client();
  return Number((await client.listDeadLetters({}).finally(() => client.close())).total);
}

describeFaults("ClickHouse breaks, under load", { file: "event-log", open: openWorld }, (bench) => {
  bench.it({
    number: 13,
    name: "ClickHouse: answers 500, then 502",
    inject: async (_fault, world) => {
      await failing(world, () => "busy", 2_000);
      await failing(world, () => "refused_by_proxy", 2_000);
    },
  });

  bench.it({
    number: 14,
    name: "ClickHouse: hangs",
    inject: (_fault, world) => failing(world, () => "hang", 4_000),
  });

  const random = SeededGenerator.fromSeed(15);
  const cuts = ["cut_before", "cut_after", "cut_mid_reply", undefined] as const;
  bench.it({
    number: 15,
    name: "ClickHouse: connection cut before, after, in mid-reply",
    inject: async (_fault, world) => {
      await failing(world, () => cuts[Math.floor(random.next() * cuts.length)], 5_000);
      // The same between the two machines: the status line arrives, its end does not.
      world.clickhouseProxy.cutNewReplies(20);
      await sleep(1_500);
      world.clickhouseProxy.cutNewReplies(undefined);
      world.clickhouseProxy.cutAll();
    },
  });

  // Refused rows wait as dead letters, the others go in, and returned letters follow.
  bench.it({
    number: 22,
    name: "ClickHouse: refuses rows; dead letters, returned",
    inject: async (_fault, world) => {
      // The engine's own refusal, of some rows in the middle of many good ones.
      const alter = "ALTER TABLE bandit.outcomes";
      await world.clickhouse.command(
        `${alter} ADD CONSTRAINT no_builds CHECK outcome_id != 'build'`,
      );
      await until("ten dead letters", 60_000, async () => (await deadLetters(world)) >= 10);
      await world.clickhouse.command(`${alter} DROP CONSTRAINT no_builds`);
    },
    repair: async (_fault, world) => {
      const address = world.services[0].grpcAddress;
      await until("the dead letters are replayed", 60_000, async () => {
        await banditd(["dead-letters", "return", "--all", "--address", address]);
        return (await deadLetters(world)) === 0;
      });
    },
  });
});
