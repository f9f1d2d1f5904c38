import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SeededGenerator } from "../../src/numerics/random-generator.ts";
import type { FrontFailure } from "../support/clickhouse-front.ts";
import { FaultBench } from "./harness/fault-bench.ts";
import { openWorld, type World } from "./harness/world.ts";

describe("ClickHouse breaks, under load", { timeout: 300_000 }, () => {
  const bench = new FaultBench("event-log");
  let world: World;

  beforeAll(async () => {
    world = await openWorld();
    bench.use(world);
  }, 120_000);
  afterAll(async () => {
    bench.report();
    await world?.remove();
  });

  /** What the front does for some seconds. */
  const failing = async (choose: () => FrontFailure | undefined, forMs: number): Promise<void> => {
    world.front.failAlways(choose);
    await sleep(forMs);
    world.front.failAlways(() => undefined);
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
        world.frontProxy.cutNewReplies(20);
        await sleep(1_500);
        world.frontProxy.cutNewReplies(undefined);
        world.frontProxy.cutAll();
      },
    });
    expect(failures).toEqual([]);
  });
});
