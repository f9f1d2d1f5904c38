import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { Allocator } from "../../src/bandit/allocator.ts";
import { defaultPolicy } from "../../src/bandit/default-policy.ts";
import { draw } from "../../src/bandit/draw.ts";
import { SharedPrior } from "../../src/bandit/shared-prior.ts";
import { readOutcomeTable } from "../../src/cli/simulate/outcome-table.ts";
import { type RewardTotals, zeroTotals } from "../../src/domain/contribution.ts";
import { type CodeType, parseCodeType, type VariantId } from "../../src/domain/ids.ts";
import { SeededGenerator } from "../../src/numerics/random-generator.ts";
import {
  armNames,
  codeTypeNames,
  independent,
  type LearnPriors,
  type Summary,
  shared,
  shuffled,
  summarize,
  type TaskSet,
  thompsonMean,
  uniformPrior,
} from "../support/code-type-simulation.ts";
import { seededIds } from "../support/seeded-ids.ts";

const file = join(import.meta.dirname, "../../../shared/data/routellm/mmlu-outcomes.csv");
const strengthMax = 300;
/** Outcomes between two estimates of the priors: under 1 % of the set. */
const relearnEvery = 50;

/** 7,658 questions in 29 subjects; reward 0.85 × correct + 0.15 × cheapness, Mixtral's 1 and GPT-4's 0. */
async function readQuestions(): Promise<TaskSet> {
  const table = await readOutcomeTable({
    file,
    codeTypeColumn: "subject",
    arms: [
      { name: "mixtral", column: "mixtral_8x7b_correct", cost: 0 },
      { name: "gpt-4", column: "gpt_4_1106_correct", cost: 1 },
    ],
  });
  const rewardOf = (task: number, arm: number) =>
    0.85 * table.outcomeOf(task, arm) + 0.15 * (arm === 0 ? 1 : 0);
  return {
    codeTypes: table.codeTypes.map((name) => parseCodeType(name)),
    arms: armNames(2),
    taskCount: table.rowCount,
    codeTypeOf: (task) => table.codeTypeOf(task),
    rewardOf,
    expectedOf: rewardOf,
  };
}

function meanOver(
  seeds: number,
  tasks: TaskSet,
  options: { learn: LearnPriors; explorationShare: number },
): Summary {
  return summarize(
    Array.from({ length: seeds }, (_, at) =>
      thompsonMean(tasks, { ...options, relearnEvery, seed: 1 + at }),
    ),
  );
}

/** One pass of the real allocators and the real draw. */
function serveAll(tasks: TaskSet, seed: number): number {
  const { arms, codeTypes } = tasks;
  const allocators = codeTypes.map(
    () =>
      new Allocator({
        policy: { ...defaultPolicy, explorationShare: 0 },
        variantIds: arms,
        baselineId: arms[0] as VariantId,
      }),
  );
  const totals = new Map<CodeType, Map<VariantId, RewardTotals>>(
    codeTypes.map((name) => [name, new Map()]),
  );
  const nextId = seededIds(2 * seed + 1);
  let earned = 0;
  shuffled(tasks.taskCount, 2 * seed).forEach((task, served) => {
    if (served % relearnEvery === 0) {
      const estimate = SharedPrior.estimate({
        codeTypes: totals,
        variantIds: arms,
        prior: uniformPrior,
        strengthMax,
      });
      codeTypes.forEach((name, row) => {
        allocators[row]?.setPriors(new Map(arms.map((id) => [id, estimate.priorOf(name, id)])));
      });
    }
    const row = tasks.codeTypeOf(task);
    const allocator = allocators[row] as Allocator;
    const arm = draw(allocator.allocate(), nextId())?.index as number;
    const reward = tasks.rewardOf(task, arm);
    const cells = totals.get(codeTypes[row] as CodeType) as Map<VariantId, RewardTotals>;
    const before = cells.get(arms[arm] as VariantId) ?? zeroTotals;
    const after = {
      ...before,
      reward: before.reward + reward,
      weight: before.weight + 1,
      squares: before.squares + reward ** 2,
      generations: before.generations + 1,
    };
    cells.set(arms[arm] as VariantId, after);
    allocator.setTotals(arms[arm] as VariantId, after);
    earned += reward;
  });
  return earned / tasks.taskCount;
}

/** Thirty code types in which the same one of two arms earns 0.6, the other 0.4. */
function agreeingTasks(seed: number): TaskSet {
  const generator = SeededGenerator.fromSeed(seed);
  const codeTypes = codeTypeNames(30);
  const taskCount = 3000;
  const expectedOf = (_task: number, arm: number) => (arm === 1 ? 0.6 : 0.4);
  const rewards = Uint8Array.from({ length: 2 * taskCount }, (_, at) =>
    generator.next() < expectedOf(at >> 1, at & 1) ? 1 : 0,
  );
  return {
    codeTypes,
    arms: armNames(2),
    taskCount,
    codeTypeOf: (task) => task % codeTypes.length,
    rewardOf: (task, arm) => rewards[2 * task + arm] as number,
    expectedOf,
  };
}

describe("sharing between code types that agree", () => {
  it("earns 0.01 more a task than each on its own, over 20 pairs of passes", () => {
    const gains = Array.from({ length: 20 }, (_, at) => {
      const tasks = agreeingTasks(1_000_000 + at);
      const pass = { explorationShare: 0, relearnEvery, seed: 1 + at };
      const earned = (learn: LearnPriors) => thompsonMean(tasks, { ...pass, learn });
      return earned(shared(strengthMax)) - earned(independent);
    });
    const { mean, standardError } = summarize(gains);
    expect(mean - 3 * standardError).toBeGreaterThan(0.01);
  });
});

/**
 * The seeds are the first ones and fixed: a failure is a change of behaviour. Over 300 seeds sharing earns 0.7434 with
 * exploration share 0 and 0.7435 with 0.02, and a pass varies by 0.0035. So with seeds drawn anew the mean of 20 would miss
 * 0.743 once in 3 times, that of 100 once in 8, that of 200 with 0.02 once in 44.
 */
// The data lies beside the checkout and is not copied into it; a clone elsewhere does without.
if (existsSync(file)) {
  describe("sharing between the 29 subjects of MMLU, two models", () => {
    let tasks: TaskSet;

    beforeAll(async () => {
      tasks = await readQuestions();
    });

    it("subjects on their own earn about 0.739", () => {
      const alone = meanOver(50, tasks, { learn: independent, explorationShare: 0 });
      expect(Math.abs(alone.mean - 0.739)).toBeLessThan(0.0015);
      const aloneWithFloor = meanOver(50, tasks, { learn: independent, explorationShare: 0.02 });
      expect(Math.abs(aloneWithFloor.mean - 0.739)).toBeLessThan(0.0015);
    });

    it("sharing earns 0.743 at least: mean of 20 passes of the real allocator and draw", () => {
      const passes = Array.from({ length: 20 }, (_, at) => serveAll(tasks, 1 + at));
      expect(summarize(passes).mean).toBeGreaterThanOrEqual(0.743);
    });

    it.each([
      { explorationShare: 0, passes: 100 },
      { explorationShare: 0.02, passes: 200 },
    ])(
      "sharing earns 0.743 at least: $passes passes with exploration share $explorationShare",
      ({ explorationShare, passes }) => {
        const together = meanOver(passes, tasks, { learn: shared(strengthMax), explorationShare });
        expect(together.mean).toBeGreaterThanOrEqual(0.743);
      },
    );

    it("a cap of 0 is no sharing: outcome for outcome the same (negative control)", () => {
      const options = { explorationShare: 0, relearnEvery, seed: 1 };
      expect(thompsonMean(tasks, { ...options, learn: shared(0) })).toBe(
        thompsonMean(tasks, { ...options, learn: independent }),
      );
    });

    it("the less may be shared, the less is gained: a cap of 10 does not reach 0.743 (negative control)", () => {
      const little = meanOver(40, tasks, { learn: shared(10), explorationShare: 0 });
      expect(little.mean).toBeLessThan(0.742);
    });
  });
}
