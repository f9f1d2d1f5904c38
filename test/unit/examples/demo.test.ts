import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import type { Cell } from "../../../examples/demo/fleet.ts";
import { luckOf } from "../../../examples/demo/luck.ts";
import {
  type DemoReport,
  demoReport,
  judgeBudget,
  percentiles,
  reportText,
} from "../../../examples/demo/report.ts";
import { rewardOf } from "../../../examples/demo/reward.ts";
import { compareStory } from "../../../examples/demo/story.ts";
import { type Scene, scenes, simulateTask } from "../../../examples/demo/world.ts";
import { seedAgentTypes } from "../../../src/app/seed/seed-catalogue.ts";
import { PolicySchema } from "../../../src/client/index.ts";

describe("the luck of a task", () => {
  it("is the same whenever it is asked for, uniform, and unlike that of neighbours", () => {
    const numbers = (seed: number, agent: number, index: number) =>
      Array.from({ length: 5_000 }, (_, task) => luckOf(seed, agent, task)(index));
    const first = numbers(1, 0, 0);
    expect(numbers(1, 0, 0)).toEqual(first);
    const bins = Array.from({ length: 10 }, () => 0);
    for (const u of first) bins[Math.floor(10 * u)] = (bins[Math.floor(10 * u)] ?? 0) + 1;
    // Each bin is binomial with a standard deviation of 21.
    for (const bin of bins) expect(Math.abs(bin - 500)).toBeLessThan(105);
    for (const other of [numbers(1, 1, 0), numbers(2, 0, 0), numbers(1, 0, 1), first.slice(1)]) {
      const products = other.map((u, index) => 12 * (u - 0.5) * ((first[index] as number) - 0.5));
      const correlation = products.reduce((sum, product) => sum + product, 0) / products.length;
      // Its standard deviation is 0.014 for independent numbers.
      expect(Math.abs(correlation)).toBeLessThan(0.07);
    }
  });
});

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
      const totals = { low: 0, high: 0 };
      for (let task = 0; task < 2000; task += 1) {
        const luck = luckOf(1, 0, task);
        expect(simulateTask(scene, 0.5, luck)).toEqual(simulateTask(scene, 0.5, luck));
        totals.low += rewardOf(simulateTask(scene, 0.5, luck), policy).reward;
        totals.high += rewardOf(simulateTask(scene, 0.6, luck), policy).reward;
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
    const totals = rewardOf(
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
    expect(rewardOf({ ...run, outcomes: [] }, policy)).toMatchObject({
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
const cell = (codeType: string, variantName: string, decisions: number, mean: number): Cell => ({
  agentType: "a",
  codeType,
  variantName,
  decisions,
  earned: { reward: decisions * mean, weight: decisions },
  potential: { reward: 100 * mean, weight: 100 },
});
const milliseconds = {
  select: [1],
  recordGeneration: [1],
  recordOutcome: [1],
  emptyCall: [1],
  threeEmptyCalls: [3],
};
const fleet = {
  cells: [
    cell("x", "one", 90, 0.9),
    cell("x", "two", 10, 0.1),
    cell("y", "one", 20, 0.2),
    cell("y", "two", 80, 0.8),
  ],
  overhead: { ...milliseconds, generation: [3] },
  tasks: 200,
  outcomes: 200,
};
const reportWith = (shareOf: (arm: { codeType: string; variantName: string }) => number) =>
  demoReport({ fleet, scenes: [scene], shareOf, repeated: 2, elapsedMs: 1000 });
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
  });

  it("says in how many code types the best variant was found, and how many calls were repeated", () => {
    expect(reportText(learned)).toContain("most of the traffic in 2 of 2 code types");
    expect(reportText(learned)).toContain("no call lost; 2 had to be repeated");
    const unlearned = reportWith(({ variantName }) => (variantName === "one" ? 0.9 : 0.1));
    expect(reportText(unlearned)).toContain("most of the traffic in 1 of 2 code types");
  });

  it("takes nearest-rank percentiles", () => {
    const values = Array.from({ length: 1000 }, (_, index) => 1000 - index);
    expect(percentiles(values)).toEqual({ p50: 500, p99: 990, p999: 999, count: 1000 });
    expect(percentiles([])).toEqual({ p50: 0, p99: 0, p999: 0, count: 0 });
  });

  it.each([
    [20, 40, 1, "kept", "At p99.9, the budget of 50 ms is kept."],
    [20, 80, 1, "kept", "At p99, the budget of 50 ms is kept."],
    [60, 80, 3, "missed", "the service added 57.0 ms, and the budget of 50 ms is missed."],
    [160, 280, 130, "kept", "the service added 30.0 ms, and the budget of 50 ms is kept."],
    [60, 80, 90, "kept", "the service added 0.0 ms, and the budget of 50 ms is kept."],
  ])(
    "judges p99 %s ms, p99.9 %s ms, three empty calls %s ms as %s",
    (p99, p999, empty, verdict, text) => {
      const at = (value: number, high = value) => ({ p50: 1, p99: value, p999: high, count: 9 });
      const overhead: DemoReport["overhead_ms"] = {
        select: at(1),
        recordGeneration: at(1),
        recordOutcome: at(1),
        generation: at(p99, p999),
        emptyCall: at(empty / 3),
        threeEmptyCalls: at(empty),
      };
      const judged = judgeBudget({ overhead_ms: overhead });
      expect(judged.verdict).toBe(verdict);
      expect(judged.text).toContain(text);
    },
  );
});

describe("the story ClickHouse tells", () => {
  const story = (rows: readonly (readonly [string, string, number, number, number])[]) =>
    rows.map(([codeType, variant, decisions, outcomes, reward]) => ({
      agent_type: "a",
      code_type: codeType,
      variant_id: `a/${variant}@1`,
      decisions: String(decisions),
      outcomes: String(outcomes),
      mean_reward: reward,
    }));
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
    const complaint = (decisions: number, outcomes: number, reward: number) =>
      compareStory(story([["x", "one", decisions, outcomes, reward], ...rest]), fleet)[0];
    expect(complaint(91, 90, 0.9)).toContain("91 decisions");
    expect(complaint(90, 89, 0.9)).toContain("199 outcomes");
    expect(complaint(90, 90, 0.90001)).toContain("reward");
    expect(complaint(90, 90, Number.NaN)).toContain("reward");
    const stranger = story([...same, ["x", "three", 5, 0, 0]]);
    expect(compareStory(stranger, fleet)).toEqual([expect.stringContaining("205 decisions")]);
    expect(compareStory(story([first, ...rest.slice(1)]), fleet).length).toBeGreaterThan(0);
  });
});
