import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type RegretReport, worldFigures } from "../../../bench/regret-report.ts";
import { type RegretWorld, regretWorlds, rewardTable } from "../../../bench/regret-worlds.ts";
import { summarize } from "../../support/code-type-simulation.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { runBench } from "./run-bench.ts";

const directory = temporaryDirectory();

/** No figure is compared with a wall clock here: a busy machine must not fail the suite. */
test("a tiny run of the core's bench has a line for every algorithm and size, and every goal", async () => {
  const { stdout } = await runBench("bandit", "--rounds", "2", "--arms", "2,10");
  const rows = stdout.split("\n").filter((line) => /^[a-z_0-9]+ +(2|10) /.test(line));
  expect(rows).toHaveLength(16);
  for (const row of rows) {
    const figures = row.trim().split(/ +/).slice(2).map(Number);
    expect(figures).toHaveLength(3);
    for (const figure of figures) expect(figure).toBeGreaterThan(0);
  }
  expect(stdout.match(/^(ok|MISSED) +.*: [\d.]+$/gm)).toHaveLength(3);
});

test("a tiny run of the regret bench compares everybody in every world, and gives the same again", async () => {
  const reports: RegretReport[] = [];
  for (const file of ["first.json", "second.json"].map((name) => join(directory, name))) {
    const args = ["--own", "--runs", "2", "--steps", "150", "--out", file];
    const { stdout } = await runBench("regret", ...args);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(stdout).not.toMatch(/NaN|undefined|Infinity/);
    reports.push(JSON.parse(readFileSync(file, "utf8")));
  }
  expect(reports[0]?.worlds).toEqual(reports[1]?.worlds);
  expect(reports[0]?.worlds.map(({ world }) => world.name)).toEqual(
    regretWorlds.map(({ name }) => name),
  );
  for (const { world, contenders } of reports[0]?.worlds ?? []) {
    const lostMax = 150 * (Math.max(...world.means) - Math.min(...world.means));
    expect(contenders).toHaveLength(world.halfLife === undefined ? 9 : 10);
    for (const { regrets } of contenders) {
      expect(regrets).toHaveLength(2);
      for (const regret of regrets) expect(regret).toBeGreaterThan(0);
      for (const regret of regrets) expect(regret).toBeLessThan(lostMax);
    }
  }
});

test("without a Python the regret bench says so and shows ours", async () => {
  const tiny = ["--runs", "2", "--steps", "150", "--worlds", "4"];
  const { stdout, stderr } = await runBench("regret", ...tiny, "--python", join(directory, "none"));
  expect(stderr).toMatch(
    /mabwiser==[\d.]+ and vowpalwabbit==[\d.]+ cannot be installed \(.*ENOENT/,
  );
  expect(stderr).toContain("Only banditd's own contenders are shown");
  expect(stdout).toContain("thompson_sampling");
  expect(stdout).not.toContain("mabwiser");
});

test.each(regretWorlds)("rewards in the world $name have its means and its spread", (world) => {
  const armCount = world.means.length;
  const steps = world.swapEvery ?? 1_000;
  const byMean = new Map(world.means.map((mean) => [mean, [] as number[]]));
  for (let run = 1; run <= 20; run += 1) {
    const table = rewardTable({ ...world, steps }, run);
    for (let at = 0; at < steps * armCount; at += 1) {
      const mean = table.meansAt(Math.floor(at / armCount))[at % armCount] as number;
      byMean.get(mean)?.push(table.rewardAt?.(Math.floor(at / armCount), at % armCount) as number);
    }
  }
  for (const [mean, rewards] of byMean) {
    expect(rewards).toHaveLength(20 * steps);
    const { mean: seen, standardError } = summarize(rewards);
    const spread = world.spread ?? Math.sqrt(mean * (1 - mean));
    // Five standard errors: with seeds drawn anew one of the 114 arms would fail by chance once in 15,000 times.
    expect(Math.abs(seen - mean)).toBeLessThan(5 * standardError);
    expect(standardError * Math.sqrt(rewards.length)).toBeCloseTo(spread, 1.5);
  }
});

test("means change places where a world says so", () => {
  const drift = regretWorlds.find(({ name }) => name === "drift") as RegretWorld;
  const { meansAt } = rewardTable({ ...drift, steps: 1 }, 1);
  expect(meansAt(1_000)).toEqual(meansAt(999).toReversed());
  expect(meansAt(2_000)).toEqual(meansAt(0));
});

test("below the default is a contender that loses less run by run, by Holm as one of all", () => {
  const base = [40, 10, 90, 55, 70, 25];
  const less = (by: readonly number[]) => base.map((regret, run) => regret - (by[run] as number));
  const contenders: Record<string, number[]> = {
    default: base,
    // t = 24.6, 2.8 and 0.5 of 5 degrees of freedom: two-sided p-values of 2e-6, 0.04 and 0.6.
    surely: less([5, 6, 5, 6, 5, 6]),
    perhaps: less([0, 9, 1, 8, 3, 12]),
    sometimes: less([30, -20, 25, -15, 10, -5]),
    above: less([-5, -6, -5, -6, -5, -6]),
  };
  const runs = base.map((_, run) =>
    Object.fromEntries(
      Object.entries(contenders).map(([name, values]) => [name, values[run] as number]),
    ),
  );
  const [figures] = worldFigures(new Map([[regretWorlds[0] as RegretWorld, runs]]));
  const verdicts = figures?.contenders.map(({ name, verdict }) => [name, verdict]);
  expect(Object.fromEntries(verdicts ?? [])).toEqual({
    default: "not_below",
    surely: "below_by_holm",
    perhaps: "below",
    sometimes: "not_below",
    above: "not_below",
  });
  expect(figures?.contenders[0]?.difference?.mean).toBeCloseTo(-5.5, 12);
});

test("wrong arguments are refused with the usage", async () => {
  const refused = { code: 2, stderr: expect.stringContaining("usage:") };
  await expect(runBench("bandit", "--arms", "1")).rejects.toMatchObject(refused);
  await expect(runBench("bandit", "--runs", "1")).rejects.toMatchObject(refused);
  await expect(runBench("regret", "--runs", "1")).rejects.toMatchObject(refused);
  await expect(runBench("regret", "--worlds", "4,3")).rejects.toMatchObject(refused);
});
