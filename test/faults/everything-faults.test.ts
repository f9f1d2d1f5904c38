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
  bench.it({
    number: 25,
    name: "Redis, Postgres and ClickHouse down at once",
    inject: (fault, { redisProxy, clickhouseProxy, postgres }) =>
      fault.stateOutage({
        begin: async () => {
          redisProxy.refuse();
          clickhouseProxy.refuse();
          await postgres.kill();
        },
        body: () => sleep(4_000),
        end: async () => {
          redisProxy.pass();
          clickhouseProxy.pass();
          await postgres.restart();
        },
      }),
  });

  bench.it({
    number: 26,
    name: `random schedule, seed ${seed}, two replicas`,
    inject: (fault, world) => runRandomSchedule(world, fault, { seed, forMs: scheduleMs }),
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
