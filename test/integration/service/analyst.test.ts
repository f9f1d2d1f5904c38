import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type OpenedEventLog,
  openChdbEventLog,
} from "../../../src/adapters/clickhouse/open-event-log.ts";
import { eventStreams } from "../../../src/ports/event-rows.ts";
import { analystData } from "../../support/clickhouse-analyst-data.ts";
import { asLines, silentLogger, testClock } from "../../support/clickhouse-event-samples.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const page = await readFile(new URL("../../../docs/analyst.md", import.meta.url), "utf8");
const queries = [...page.matchAll(/^\*\*(.+?)\*\*(?:(?!```).)*```sql\n(.+?)```/gms)].map(
  (match) => ({
    title: match[1] as string,
    sql: match[2] as string,
  }),
);
const data = analystData(Date.now());
let log: OpenedEventLog;
const directory = temporaryDirectory();

beforeAll(async () => {
  log = await openChdbEventLog({ directory, clock: testClock, logger: silentLogger });
  await log.migrator.migrate();
  // Twice with different tokens: nothing an analyst sees may count a repeated row again.
  for (const delivery of ["first", "second"]) {
    for (const stream of eventStreams) {
      const rows = asLines(data[stream]);
      await log.eventLog.append({ stream, rows, deduplicationToken: `${delivery}-${stream}` });
    }
  }
});
afterAll(() => log.eventLog.close());

async function ask(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { columns, rows } = await log.eventLog.query({ sql, rowsMax: 10_000, timeoutMs: 20_000 });
  return rows.map((row) => Object.fromEntries(columns.map(({ name }, at) => [name, row[at]])));
}

function queryTitled(start: string): string {
  const found = queries.find(({ title }) => title.startsWith(start));
  if (found === undefined) throw new Error(`docs/analyst.md has no query titled ${start}`);
  return found.sql;
}

const testRuns = data.outcomes.filter(({ source }) => source === "test_run");
const costOf = new Map(data.generations.map((row) => [row.generation_id, row.cost_usd ?? 0]));
const rewardOf = (row: (typeof testRuns)[number]) =>
  Math.min(Math.max((row.reward_values[0] ?? 0) - (costOf.get(row.generation_id) ?? 0), 0), 1);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const best = "evolution/edge-cases-first@1";

describe("the queries of docs/analyst.md", () => {
  test("are ten, each with a title", () => {
    expect(queries).toHaveLength(10);
    expect(page.match(/```sql/g)).toHaveLength(10);
  });

  test.each(queries)("$title", async ({ sql }) => {
    expect((await ask(sql)).length).toBeGreaterThan(0);
  });

  test("shares of a day add up to one, and decisions to all there are", async () => {
    const rows = await ask(queryTitled("Which arm gets"));
    expect(sum(rows.map((row) => Number(row["decisions"])))).toBe(data.decisions.length);
    const shares = new Map<string, number>();
    for (const row of rows) {
      const key = `${row["day"]} ${row["agent_type"]} ${row["code_type"]}`;
      shares.set(key, (shares.get(key) ?? 0) + Number(row["share"]));
    }
    for (const share of shares.values()) expect(share).toBeCloseTo(1, 2);
  });

  test("pass rates are those of the test runs, inside their intervals", async () => {
    for (const row of await ask(queryTitled("How good"))) {
      const runs = testRuns.filter(
        (run) => run.variant_id === row["variant_id"] && run.code_type === row["code_type"],
      );
      const rate = sum(runs.map((run) => run.metrics["test_pass_rate"] ?? 0)) / runs.length;
      expect(row).toMatchObject({ n: String(runs.length), pass_rate: expect.closeTo(rate, 12) });
      expect(Number(row["low"])).toBeLessThan(rate);
      expect(Number(row["high"])).toBeGreaterThan(rate);
    }
  });

  test("a success costs what all tested runs cost together, over the successes", async () => {
    const rows = await ask(queryTitled("What does a success"));
    const runs = testRuns.filter((run) => run.variant_id === best && costOf.has(run.generation_id));
    const successes = runs.filter((run) => run.metrics["test_pass_rate"] === 1).length;
    const cost = sum(runs.map((run) => costOf.get(run.generation_id) ?? 0));
    expect(rows.find((row) => row["variant_id"] === best)).toMatchObject({
      successes: String(successes),
      cost_usd_per_success: expect.closeTo(cost / successes, 9),
    });
  });

  test("the feedback share counts decisions with an outcome once", async () => {
    const rows = await ask(queryTitled("How many decisions get an outcome"));
    const answered = new Set(data.outcomes.map((row) => row.generation_id));
    const decided = data.decisions.filter((row) => row.agent_type === "evolution");
    const share = decided.filter((row) => answered.has(row.generation_id)).length / decided.length;
    expect(rows.find((row) => row["agent_type"] === "evolution")).toMatchObject({
      decided: String(decided.length),
      feedback_share: expect.closeTo(share, 3),
    });
  });

  test("exploration costs nothing where every task got the best arm, and something elsewhere", async () => {
    for (const row of await ask(queryTitled("What does exploration"))) {
      const runs = testRuns.filter(
        (run) => run.agent_type === row["agent_type"] && run.code_type === row["code_type"],
      );
      const served = sum(runs.map(rewardOf)) / runs.length;
      expect(row["served_mean"]).toBeCloseTo(served, 9);
      expect(Number(row["lost_per_task"])).toBeGreaterThan(0);
    }
  });

  test("the inverse-propensity estimate of an arm is near its true mean", async () => {
    const rows = await ask(queryTitled("What would an arm"));
    const row = rows.find((each) => each["arm"] === best);
    const degraded = new Set(
      data.decisions.filter((d) => d.degraded === 1).map((d) => d.generation_id),
    );
    const runs = testRuns.filter(
      (run) => run.agent_type === "evolution" && !degraded.has(run.generation_id),
    );
    const weighted = sum(
      runs.filter((run) => run.variant_id === best).map((run) => rewardOf(run) / 0.6),
    );
    expect(row?.["ips"]).toBeCloseTo(weighted / runs.length, 9);
    expect(Math.abs(Number(row?.["snips"]) - 0.83)).toBeLessThan(0.1);
    expect(Math.abs(Number(row?.["mean_weight"]) - 1)).toBeLessThan(0.2);
  });

  test("the sample-ratio check expects the sum of the propensities and finds nothing wrong", async () => {
    const rows = await ask(queryTitled("Is the traffic"));
    const drawn = data.decisions.filter(
      (row) => row.agent_type === "evolution" && row.degraded === 0,
    );
    const row = rows.find((each) => each["arm"] === best);
    expect(row).toMatchObject({
      served: String(drawn.filter((each) => each.variant_id === best).length),
      expected: expect.closeTo(0.6 * drawn.length, 6),
    });
    for (const each of rows) expect(Math.abs(Number(each["z"]))).toBeLessThan(4);
  });

  test("the slowest task comes first", async () => {
    const [first] = await ask(queryTitled("Which tasks"));
    const slowest = data.generations.toSorted(
      (a, b) => (b.duration_ms ?? 0) - (a.duration_ms ?? 0),
    );
    expect(first?.["generation_id"]).toBe(slowest[0]?.generation_id);
  });

  test("degraded decisions are all found", async () => {
    const rows = await ask(queryTitled("When did"));
    const degraded = data.decisions.filter((row) => row.degraded === 1).length;
    expect(sum(rows.map((row) => Number(row["decisions"])))).toBe(degraded);
  });
});

describe("the views", () => {
  test("generation_full has exactly one row per decision", async () => {
    expect(
      await ask("SELECT count() AS n, uniqExact(generation_id) AS distinct FROM generation_full"),
    ).toEqual([{ n: "600", distinct: "600" }]);
  });

  test("rewards are those that the contributions give, cost included", async () => {
    const rows = await ask(
      "SELECT generation_id, reward, reward_weight FROM generation_full WHERE reward_weight > 0",
    );
    expect(rows).toHaveLength(testRuns.length);
    const expected = new Map(testRuns.map((run) => [run.generation_id, rewardOf(run)]));
    for (const row of rows) {
      expect(row["reward"]).toBeCloseTo(
        expected.get(String(row["generation_id"])) ?? Number.NaN,
        12,
      );
      expect(row["reward_weight"]).toBe(1);
    }
  });

  test("both daily views add up to the same decisions, outcomes and costs", async () => {
    const cost = sum([...costOf.values()]);
    for (const view of ["arm_performance_daily", "agent_performance_daily"]) {
      const [row] = await ask(
        `SELECT sum(decisions) AS d, sum(generations) AS g, sum(outcomes) AS o, sum(cost_usd) AS cost FROM ${view}`,
      );
      expect(row).toEqual({
        d: String(data.decisions.length),
        g: String(data.generations.length),
        o: String(data.outcomes.length),
        cost: expect.closeTo(cost, 9),
      });
    }
  });
});
