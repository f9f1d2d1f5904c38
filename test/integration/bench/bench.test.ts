import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { LatencySummary } from "../../../bench/latency-summary.ts";
import type { OverheadReport } from "../../../bench/overhead-report.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { runBench } from "./run-bench.ts";

const directory = temporaryDirectory();

/** No figure is compared with a wall clock here: a busy machine must not fail the suite. */
test("a tiny run measures both stores, loses no event, and reports every figure", async () => {
  const file = join(directory, "tiny.json");
  const { stdout } = await runBench("overhead", "--tiny", "--out", file);
  const report = JSON.parse(readFileSync(file, "utf8")) as OverheadReport;
  expect(report.stores.map(({ figures }) => figures.store)).toEqual(["embedded", "redis"]);
  expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  for (const { figures, targets, problems } of report.stores) {
    expect(problems).toEqual([]);
    expect(figures.eventLog.found).toEqual(figures.eventLog.acknowledged);
    expect(figures.eventLog.found.RecordOutcome).toBeGreaterThan(0);
    expect(figures.eventLog.learned).toBe(figures.eventLog.found.RecordOutcome);
    expect(figures.throughput).toHaveLength(1);
    expect(figures.throughput[0]?.ratio).toBeGreaterThan(0);
    const { echo, select } = figures.oneInFlight;
    const { calls, sum } = figures.halfLoad;
    for (const summary of [echo, select, ...Object.values(calls), sum]) expectOrdered(summary);
    expect(targets).toHaveLength(4);
    for (const target of targets) {
      expect(Number.isFinite(target.measured)).toBe(true);
      expect(stdout).toContain(target.name);
    }
  }
  expect(report.stores[0]?.figures.engines).not.toEqual(report.stores[1]?.figures.engines);
}, 120_000);

test("a wrong argument is refused with the usage", async () => {
  await expect(runBench("overhead", "--stores", "etcd")).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining("neither embedded nor redis"),
  });
  await expect(runBench("overhead", "--seconds", "-1")).rejects.toMatchObject({ code: 2 });
  await expect(runBench("overhead", "--secnds", "1")).rejects.toMatchObject({ code: 2 });
});

function expectOrdered(summary: LatencySummary): void {
  const { n, p50Ms, p95Ms, p99Ms, p999Ms, maxMs } = summary;
  const ascending = [0, p50Ms, p95Ms, p99Ms, p999Ms, maxMs];
  expect(n).toBeGreaterThan(0);
  expect(p50Ms).toBeGreaterThan(0);
  expect(ascending.toSorted((a, b) => a - b)).toEqual(ascending);
}
