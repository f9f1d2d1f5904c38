import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { describeFaults } from "./harness/fault-bench.ts";
import { runFault } from "./harness/fault-run.ts";
import { readLoggedEvents } from "./harness/logged-events.ts";
import { runRandomSchedule } from "./harness/random-schedule.ts";
import { deleteKeys } from "./harness/redis-server.ts";
import { judgeEvents } from "./harness/verdict.ts";
import { openWorld } from "./harness/world.ts";

/** Another one: FAULT_SEED=7 npm run test:faults */
const seed = Number(process.env["FAULT_SEED"] ?? 1);
const scheduleMs = 35_000;

const openReplicas = () => openWorld({ replicas: 2, appendfsync: "always" });
const options = { file: "everything", open: openReplicas, timeoutMs: 400_000 };
describeFaults("everything breaks, under load", options, (bench) => {
  it("every engine is down at once", async () => {
    const { failures } = await bench.run({
      number: 25,
      name: "Redis, Postgres and ClickHouse down at once",
      inject: (fault) =>
        fault.stateOutage({
          begin: async () => {
            bench.site.redisProxy.refuse();
            bench.site.clickhouseProxy.refuse();
            await bench.site.postgres.kill();
          },
          body: () => sleep(4_000),
          end: async () => {
            bench.site.redisProxy.pass();
            bench.site.clickhouseProxy.pass();
            await bench.site.postgres.restart();
          },
        }),
    });
    expect(failures).toEqual([]);
  });

  it(`a random schedule of everything, seed ${seed}`, async () => {
    let done: string[] = [];
    const { failures } = await bench.run({
      number: 26,
      name: `random schedule, seed ${seed}, two replicas`,
      inject: async (fault) => {
        done = await runRandomSchedule(bench.site, fault, { seed, forMs: scheduleMs });
      },
    });
    expect(failures, done.join("\n")).toEqual([]);
  });

  // The judge must not be blind: what is really lost, or really there twice, is found.
  it("negative control: events that vanish from Redis are missed, by the verdict and by rebuild --check", async () => {
    const { failures, line, context } = await runFault(bench.site, {
      number: 99,
      name: "control",
      settleTimeoutMs: 10_000,
      inject: async () => {
        bench.site.clickhouseProxy.refuse();
        await sleep(2_000);
        await deleteKeys(bench.site.redis.port, "bandit:*:outbox");
        bench.site.clickhouseProxy.pass();
      },
    });
    expect(line.lost).toBeGreaterThan(0);
    expect(failures.join("\n")).toContain("acknowledged events that are not in the event log");
    expect(failures.join("\n")).toContain("rebuild --check ends with 1");
    expect(line.doubled).toBe(0);

    const codeTypes = ["fault_99_a", "fault_99_b"];
    const copiesNow = async () =>
      judgeEvents(context.ledger, await readLoggedEvents(bench.site.query, codeTypes)).hiddenCopies;
    const before = await copiesNow();
    await bench.site.clickhouse.command(
      "INSERT INTO bandit.outcomes SELECT * FROM bandit.outcomes WHERE code_type = 'fault_99_a' LIMIT 1",
    );
    expect(await copiesNow()).toBe(before + 1);
  });
});
