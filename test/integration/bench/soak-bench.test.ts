import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { SoakReport } from "../../../bench/soak-report.ts";
import { verdictOf } from "../../../bench/soak-report.ts";
import type { SoakFigures, SoakSettings } from "../../../bench/soak-run.ts";
import { findSustainableLoad, type Probe } from "../../../bench/sustainable-load.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { runBench } from "./run-bench.ts";

const directory = temporaryDirectory();

/** No figure is compared with a wall clock here: a busy machine must not fail the suite. */
test("a tiny soak measures both stores and finds every acknowledged event exactly once", async () => {
  const file = join(directory, "soak.json");
  const { stdout } = await runBench("soak", "--tiny", "--out", file);
  const report = JSON.parse(readFileSync(file, "utf8")) as SoakReport;
  expect(report.stores.map(({ figures }) => figures.store)).toEqual(["embedded", "redis"]);
  expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  for (const { figures, verdict } of report.stores) {
    expect(verdict.problems).toEqual([]);
    expect(figures.found.RecordOutcome).toBeGreaterThan(0);
    expect(figures.probes.length).toBeGreaterThan(0);
    expect(figures.windows).toHaveLength(2);
    expect(figures.offeredPerSecond).toBeCloseTo(2 * figures.sustainablePerSecond, 6);
    expect(figures.windows[0]?.memory.heapMib).toBeGreaterThan(0);
    expect(verdict.demands.map(({ text }) => text.split(":")[0])).toEqual([
      "answered ≥ 0.9 of the sustainable load",
      "p99 of the answered ≤ 150 ms",
      "memory from the second to the last stretch",
      "nothing refused one second after the load",
    ]);
    for (const { text, met } of verdict.demands) {
      expect(stdout).toContain(`  ${met ? "ok    " : "MISSED"}  ${text}`);
    }
    expect(figures.answered.select.n + figures.shed.select).toBe(figures.sendLag.n);
  }
}, 120_000);

test("a tiny run of the pipeline loses and doubles nothing on either store", async () => {
  const { stdout } = await runBench("pipeline", "--tiny");
  expect(stdout.match(/acknowledged {2}\d+; lost 0, doubled 0/g)).toHaveLength(2);
}, 120_000);

test("wrong arguments are refused with the usage", async () => {
  await expect(runBench("soak", "--minutes", "0")).rejects.toMatchObject({ code: 2 });
  await expect(runBench("soak", "--stores", "etcd")).rejects.toMatchObject({ code: 2 });
  await expect(runBench("pipeline", "--secnds", "1")).rejects.toMatchObject({ code: 2 });
});

test("the search finds the rate above which calls are late, also when one run fails by chance", async () => {
  for (const limit of [37, 200, 640, 3_000]) {
    let runs = 0;
    const probe = async (generationsPerSecond: number): Promise<Probe> => {
      runs += 1;
      const sustained = generationsPerSecond <= limit && runs !== 3;
      return { generationsPerSecond, p99Ms: sustained ? 5 : 80, failures: 0, sustained };
    };
    const { sustainable, probes } = await findSustainableLoad(probe, {
      fromPerSecond: 200,
      probesMax: 40,
      precision: 1.1,
    });
    expect(sustainable.sustained).toBe(true);
    expect(sustainable.generationsPerSecond).toBeLessThanOrEqual(limit);
    expect(sustainable.generationsPerSecond).toBeGreaterThan(limit / 1.2);
    expect(probes.length).toBeLessThan(40);
  }
});

function verdict(figures: object) {
  return verdictOf(
    {
      all: { n: 30 * 5 * 3 * 100, p99Ms: 120 },
      sustainablePerSecond: 100,
      refusedAfterwards: 0,
      otherFailures: [],
      acknowledged: {},
      found: {},
      windows: Array.from({ length: 5 }, () => ({ memory: { ownMib: 650, heapMib: 70 } })),
      ...figures,
    } as unknown as SoakFigures,
    { windowSeconds: 30 } as SoakSettings,
  );
}

test("each demand is missed by what breaks it, and by nothing else", () => {
  const missed = (figures: object) =>
    verdict(figures).demands.flatMap(({ met }, index) => (met ? [] : [index]));
  const memory = (own: readonly number[], heap: readonly number[]) => ({
    windows: own.map((ownMib, index) => ({ memory: { ownMib, heapMib: heap[index] } })),
  });
  expect(missed({})).toEqual([]);
  expect(missed({ all: { n: 30 * 5 * 3 * 89, p99Ms: 120 } })).toEqual([0]);
  expect(missed({ all: { n: 30 * 5 * 3 * 100, p99Ms: 151 } })).toEqual([1]);
  expect(missed({ refusedAfterwards: 1 })).toEqual([3]);
  const steady = [600, 650, 652, 649, 655];
  expect(missed(memory(steady, [60, 70, 71, 69, 72]))).toEqual([]);
  expect(missed(memory([600, 650, 690, 710, 730], [60, 70, 71, 69, 72]))).toEqual([2]);
  expect(missed(memory(steady, [60, 70, 85, 100, 120]))).toEqual([2]);
  // What the first stretch adds is start-up, not growth.
  expect(missed(memory([300, 650, 650, 650, 650], [20, 70, 70, 70, 70]))).toEqual([]);
});

test("a degraded decision may be in the event log or not; anything else must be there once", () => {
  const problems = (found: number, degraded: number) => {
    const acknowledged = { SelectVariant: 100, RecordGeneration: 100, RecordOutcome: 100 };
    return verdict({ degraded, acknowledged, found: { ...acknowledged, SelectVariant: found } })
      .problems;
  };
  expect(problems(100, 0)).toEqual([]);
  expect(problems(100, 3)).toEqual([]);
  expect(problems(103, 3)).toEqual([]);
  expect(problems(104, 3)).toEqual(["SelectVariant: 100 acknowledged, 104 in the event log"]);
  expect(problems(99, 3)).toEqual(["SelectVariant: 100 acknowledged, 99 in the event log"]);
});
