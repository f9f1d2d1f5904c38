import { create, fromJson } from "@bufbuild/protobuf";
import { ListValueSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { seedAgentTypes } from "../../../src/app/seed/seed-catalogue.ts";
import {
  buildDemoReport,
  type DemoReport,
  findFailures,
  judgeBudget,
  percentiles,
} from "../../../src/cli/demo/demo-report.ts";
import type { Cell, FleetResult } from "../../../src/cli/demo/fleet.ts";
import { simulatedReward } from "../../../src/cli/demo/simulated-reward.ts";
import { compareStory } from "../../../src/cli/demo/sql-story.ts";
import { drawLuck, type Scene, scenes, simulateTask } from "../../../src/cli/demo/world.ts";
import { seededRandom } from "../../../src/cli/seeded.ts";
import { PolicySchema, QueryResponseSchema } from "../../../src/client/index.ts";

describe("the world of the demo", () => {
  it("plays with the variants an empty catalogue is seeded with, all of them", () => {
    for (const scene of scenes) {
      const seed = seedAgentTypes.find(({ agentType }) => agentType === scene.agentType);
      const names = seed?.variants.map((variant) => variant.name).sort();
      for (const { quality } of scene.codeTypes) expect(Object.keys(quality).sort()).toEqual(names);
    }
  });

  it("has no variant that is best everywhere", () => {
    for (const scene of scenes) {
      const best = scene.codeTypes.map(
        ({ quality }) => Object.entries(quality).sort(([, a], [, b]) => b - a)[0]?.[0],
      );
      expect(new Set(best).size).toBe(scene.codeTypes.length);
    }
  });

  it("brings the same for the same luck, and on the whole more for a better variant", () => {
    for (const scene of scenes) {
      const seed = seedAgentTypes.find(({ agentType }) => agentType === scene.agentType);
      const policy = create(PolicySchema, {
        reward: { components: seed?.policy.reward.components.map((part) => ({ ...part })) ?? [] },
      });
      const random = seededRandom(1);
      const totals = { low: 0, high: 0 };
      for (let task = 0; task < 2000; task += 1) {
        const luck = drawLuck(random);
        expect(simulateTask(scene, 0.5, luck)).toEqual(simulateTask(scene, 0.5, luck));
        totals.low += simulatedReward(simulateTask(scene, 0.5, luck), policy).reward;
        totals.high += simulatedReward(simulateTask(scene, 0.6, luck), policy).reward;
      }
      expect(totals.high).toBeGreaterThan(totals.low * 1.03);
    }
  });
});

describe("the reward the demo works out by itself", () => {
  it("is the weighted sum of what was reported, less the penalties, as done by hand", () => {
    const policy = create(PolicySchema, {
      reward: {
        components: [
          { metric: "test_pass_rate", weight: 0.5, min: 0, max: 1 },
          { metric: "rating_overall", weight: 0.2, min: 1, max: 5 },
          { metric: "user_action", weight: 0.3, min: 0, max: 1 },
        ],
        costPenaltyPerUsd: 2,
        latencyPenaltyPerSecond: 0.01,
      },
    });
    const run = { durationMs: 3000, costUsd: 0.05, promptTokens: 1, completionTokens: 1 };
    const totals = simulatedReward(
      {
        ...run,
        outcomes: [
          { source: "testRun", passed: 3, failed: 1, coverage: 1, mutationScore: 1 },
          { source: "action", kind: "edited", editDistance: 0.4 },
        ],
      },
      policy,
    );
    // 0.5·0.75 + 0.3·0.6 − 2·0.05 − 0.01·3; no rating came, so its weight does not count.
    expect(totals.reward).toBeCloseTo(0.375 + 0.18 - 0.1 - 0.03, 12);
    expect(totals.weight).toBeCloseTo(0.8, 12);
    expect(simulatedReward({ ...run, outcomes: [] }, policy)).toMatchObject({
      reward: 0,
      weight: 0,
    });
  });
});

const scene: Scene = {
  agentType: "a",
  agents: 1,
  reports: { testRun: 1, ci: 0, action: 0, rating: 0 },
  codeTypes: [
    { codeType: "x", quality: { one: 0.9, two: 0.1 } },
    { codeType: "y", quality: { one: 0.2, two: 0.8 } },
  ],
};
const totals = (reward: number, weight: number) => ({
  reward,
  weight,
  squares: reward,
  generations: weight,
});
const cell = (codeType: string, variantName: string, decisions: number, mean: number): Cell => ({
  agentType: "a",
  codeType,
  variantName,
  decisions,
  earned: totals(decisions * mean, decisions),
  potential: totals(100 * mean, 100),
});
const milliseconds = { select: [1], recordGeneration: [1], recordOutcome: [1], emptyCall: [1] };
const fleet: FleetResult = {
  cells: [
    cell("x", "one", 90, 0.9),
    cell("x", "two", 10, 0.1),
    cell("y", "one", 20, 0.2),
    cell("y", "two", 80, 0.8),
  ],
  overhead: { ...milliseconds, generation: [3] },
  tasks: 200,
  outcomes: 200,
  failures: [],
};
const reportWith = (shareOf: (arm: { codeType: string; variantName: string }) => number) =>
  buildDemoReport({ fleet, scenes: [scene], shareOf, elapsedMs: 1000 });
const learned = reportWith(({ codeType, variantName }) =>
  (codeType === "x") === (variantName === "one") ? 0.9 : 0.1,
);

describe("the report of the demo", () => {
  it("compares with rules worked out by hand", () => {
    expect(learned.rewards.uniform).toBeCloseTo(0.5, 12);
    // Always "one": (0.9 + 0.2)/2; always "two": (0.1 + 0.8)/2.
    expect(learned.rewards.best_fixed).toBeCloseTo(0.55, 12);
    expect(learned.rewards.oracle).toBeCloseTo(0.85, 12);
    expect(learned.rewards.learned).toBeCloseTo((81 + 1 + 4 + 64) / 200, 12);
    expect(findFailures(learned)).toEqual([]);
  });

  it("fails when a best variant was not found, by name of the code type", () => {
    const failures = findFailures(reportWith(() => 0.5));
    expect(failures).toHaveLength(2);
    expect(failures[0]).toContain("x: the best variant one");
  });

  it("takes nearest-rank percentiles", () => {
    const values = Array.from({ length: 1000 }, (_, index) => 1000 - index);
    expect(percentiles(values)).toEqual({ p50: 500, p99: 990, p999: 999, count: 1000 });
    expect(percentiles([])).toEqual({ p50: 0, p99: 0, p999: 0, count: 0 });
  });

  it.each([
    [20, 40, 1, "kept"],
    [20, 80, 1, "kept"],
    [60, 80, 1, "missed"],
    [60, 80, 30, "unknown"],
    [20, 40, 30, "kept"],
  ])("judges p99 %s ms, p99.9 %s ms, empty call %s ms as %s", (p99, p999, empty, verdict) => {
    const at = (value: number, high = value) => ({ p50: 1, p99: value, p999: high, count: 9 });
    const overhead: DemoReport["overhead_ms"] = {
      select: at(1),
      recordGeneration: at(1),
      recordOutcome: at(1),
      generation: at(p99, p999),
      emptyCall: at(empty),
    };
    expect(judgeBudget({ overhead_ms: overhead }).verdict).toBe(verdict);
    const failures = findFailures({ ...learned, overhead_ms: overhead });
    expect(failures.some((text) => text.includes("budget"))).toBe(verdict === "missed");
  });
});

describe("the story ClickHouse tells", () => {
  const story = (rows: readonly (readonly [string, string, number, number, number])[]) =>
    create(QueryResponseSchema, {
      columns: [
        "agent_type",
        "code_type",
        "variant_id",
        "decisions",
        "outcomes",
        "mean_reward",
      ].map((name) => ({ name, type: "String" })),
      rows: rows.map(([codeType, variant, decisions, outcomes, reward]) =>
        fromJson(ListValueSchema, [
          "a",
          codeType,
          `a/${variant}@1`,
          String(decisions),
          String(outcomes),
          reward,
        ]),
      ),
    });
  const same = [
    ["x", "one", 90, 90, 0.9],
    ["x", "two", 10, 10, 0.1],
    ["y", "one", 20, 20, 0.2],
    ["y", "two", 80, 80, 0.8],
  ] as const;

  it("agrees when every number is the agents' own", () => {
    expect(compareStory(story(same), fleet)).toEqual([]);
  });

  it("disagrees over one decision, one outcome, a reward or a missing row", () => {
    const [first, ...rest] = same;
    expect(compareStory(story([["x", "one", 91, 90, 0.9], ...rest]), fleet)[0]).toContain(
      "91 decisions",
    );
    expect(compareStory(story([["x", "one", 90, 89, 0.9], ...rest]), fleet)[0]).toContain(
      "199 outcomes",
    );
    expect(compareStory(story([["x", "one", 90, 90, 0.90001], ...rest]), fleet)[0]).toContain(
      "reward",
    );
    expect(compareStory(story([first, ...rest.slice(1)]), fleet).length).toBeGreaterThan(0);
  });
});
