import { describe, expect, it, vi } from "vitest";
import { BanditError } from "../../../src/domain/errors.ts";
import type { Policy } from "../../../src/domain/policy.ts";
import { algorithmsWithDefaults } from "../../support/algorithms-with-defaults.ts";
import { rewardComponent } from "../../support/catalogue-samples.ts";
import { LearningAgent } from "../../support/learning-agent.ts";
import { engineSets } from "../../support/site.ts";
import { openSiteOfTest, useReplica } from "../../support/use-site.ts";

const secondMs = 1_000;
const hourMs = 3_600_000;
/** An hour after a decision of which nothing was heard 0.25 is booked. */
const policy = { defaultReward: 0.25 };
const fault = (code: "unavailable" | "resource_exhausted" = "unavailable") =>
  new BanditError(code, "as told", { reason: "TEST_FAULT" });
const isFault = { reason: "TEST_FAULT" };

describe.each(engineSets)(
  "default rewards on %s engines, by a clock that the test moves",
  (set) => {
    const site = useReplica(set);
    const freshAgent = (changes: Partial<Policy> = {}) =>
      site.agent({ ...policy, ...changes }, ["only"]);
    const book = () => site.running.defaultRewards.run();
    const evidence = async (agent: LearningAgent, codeType = "c") => {
      const { generations, effectiveWeight, effectiveReward } = await agent.arm("only", codeType);
      return { generations, weight: effectiveWeight, reward: effectiveReward };
    };
    const nothing = { generations: 0, weight: 0, reward: 0 };
    const byDefault = { generations: 1, weight: 1, reward: 0.25 };
    const outcomesOf = (agent: LearningAgent) =>
      agent.rows(`SELECT source, learned, late, reward_components, reward_values, outcome_id
                FROM outcomes FINAL WHERE agent_type = '${agent.agentType}' ORDER BY occurred_at`);

    it("books once, after the window has closed and not before, and says so in the event log", async () => {
      const agent = await freshAgent();
      await agent.decide();
      site.clock.timeMs += hourMs;
      expect(await book()).toBe(0);
      expect(await evidence(agent)).toEqual(nothing);
      site.clock.timeMs += 1;
      expect(await book()).toBe(1);
      expect(await evidence(agent)).toEqual(byDefault);
      for (const waitMs of [0, secondMs, 200 * secondMs, hourMs]) {
        site.clock.timeMs += waitMs;
        expect(await book()).toBe(0);
      }
      expect(await evidence(agent)).toEqual(byDefault);
      expect(await outcomesOf(agent)).toEqual([
        ["default", 1, 0, ["default_reward"], [0.25], "default reward"],
      ]);
      expect(await site.metric("bandit_default_rewards_total")).toBeGreaterThan(0);
    });

    it("leaves a generation with any outcome alone, also one that no component of the reward uses", async () => {
      const agent = await freshAgent();
      await agent.report(await agent.decide(), 0.5);
      await agent.reportCi(await agent.decide());
      const before = await evidence(agent);
      site.clock.timeMs += hourMs + secondMs;
      expect(await book()).toBe(0);
      expect(await evidence(agent)).toEqual(before);
      expect(before.generations).toBe(1);
    });

    it.each([secondMs, 2 * hourMs, 20 * 24 * hourMs])(
      "is replaced by an outcome that comes %i ms later, where late outcomes are learned from",
      async (delayMs) => {
        const agent = await freshAgent({ learnFromLateOutcomes: true });
        const decision = await agent.decide();
        site.clock.timeMs += hourMs + secondMs;
        expect(await book()).toBe(1);
        expect(await evidence(agent)).toEqual(byDefault);
        site.clock.timeMs += delayMs;
        expect(await agent.report(decision, 0.875)).toBe("applied");
        expect(await evidence(agent)).toEqual({ generations: 1, weight: 1, reward: 0.875 });
      },
    );

    it("is replaced by a late outcome also when the policy promised to learn from them only when it was decided", async () => {
      const agent = await freshAgent({ learnFromLateOutcomes: true });
      const decision = await agent.decide();
      await agent.setPolicy({ learnFromLateOutcomes: false });
      site.clock.timeMs += hourMs + secondMs;
      expect(await book()).toBe(1);
      await agent.setPolicy({ learnFromLateOutcomes: true });
      site.clock.timeMs += 24 * hourMs;
      expect(await agent.report(decision, 0.875)).toBe("applied");
      expect(await evidence(agent)).toEqual({ generations: 1, weight: 1, reward: 0.875 });
    });

    it("counts where and when it was decided: with its context, at its place in forgetting", async () => {
      const agent = await freshAgent({
        algorithm: algorithmsWithDefaults.linear_thompson,
        forgettingHalfLifeSeconds: 3_600,
        learnFromLateOutcomes: true,
      });
      const features = { x: 2 };
      await agent.decide("silent", { features });
      const changed = await agent.decide("changed", { features });
      const twins = [
        { codeType: "reported_default", score: 0.25 },
        { codeType: "reported", score: 0.875 },
      ];
      for (const { codeType, score } of twins) {
        await agent.report(await agent.decide(codeType, { features }), score);
      }
      site.clock.timeMs += hourMs + secondMs;
      expect(await book()).toBe(2);
      site.clock.timeMs += 3 * hourMs;
      await agent.report(changed, 0.875);
      for (const [name, twin] of [
        ["silent", "reported_default"],
        ["changed", "reported"],
      ] as const) {
        const [arm, same] = [
          await agent.arm("only", name, features),
          await agent.arm("only", twin, features),
        ];
        expect(arm.effectiveWeight).toBeCloseTo(2 ** -(4 + 1 / 3600), 12);
        expect(arm.effectiveWeight).toBeCloseTo(same.effectiveWeight, 12);
        expect(arm.mean).toBeCloseTo(same.mean, 12);
        expect(arm.mean).not.toBeCloseTo(0.5, 3);
      }
    });

    it("stays when a late outcome is only logged", async () => {
      const agent = await freshAgent();
      const decision = await agent.decide();
      site.clock.timeMs += hourMs + secondMs;
      await book();
      expect(await agent.report(decision, 1)).toBe("late");
      expect(await evidence(agent)).toEqual(byDefault);
    });

    it("books nothing while the mode is frozen or static", async () => {
      for (const mode of ["frozen", "static"] as const) {
        const agent = await freshAgent();
        await agent.decide();
        await agent.setMode(mode);
        site.clock.timeMs += hourMs + secondMs;
        expect(await book()).toBe(0);
        expect(await outcomesOf(agent)).toEqual([]);
        // The window closed a moment ago: the answers that came meanwhile are not learned, so silence is not either.
        await agent.setMode("learning");
        site.clock.timeMs += secondMs;
        expect(await book()).toBe(0);
        expect(await evidence(agent)).toEqual(nothing);
      }
    });

    it("leaves out windows that closed so long ago that outcomes may be forgotten", async () => {
      const agent = await freshAgent();
      await agent.decide();
      site.clock.timeMs += hourMs + 3_000 * secondMs + 1;
      expect(await book()).toBe(0);
      expect(await evidence(agent)).toEqual(nothing);
    });

    it("takes off what the generation report said it cost", async () => {
      const agent = await freshAgent({
        defaultReward: 0.75,
        reward: {
          components: [rewardComponent("score", 0.5)],
          costPenaltyPerUsd: 0.5,
          latencyPenaltyPerSecond: 0,
        },
      });
      await agent.reportRun(await agent.decide(), { costUsd: 0.25 });
      site.clock.timeMs += hourMs + secondMs;
      expect(await book()).toBe(1);
      expect(await evidence(agent)).toEqual({ generations: 1, weight: 0.5, reward: 0.375 - 0.125 });
    });

    it("follows the policy of each code type: its own window, its own default, none at all", async () => {
      const agent = await freshAgent();
      await agent.setPolicy({ defaultReward: 1, attributionWindowSeconds: 60 }, "quick");
      const { defaultReward: _, ...silent } = (await agent.setPolicy(policy)).policy;
      await agent.replacePolicy(silent, "silent");
      for (const codeType of ["c", "quick", "silent"]) await agent.decide(codeType);
      site.clock.timeMs += 61 * secondMs;
      expect(await book()).toBe(1);
      expect(await evidence(agent, "quick")).toEqual({ generations: 1, weight: 1, reward: 1 });
      site.clock.timeMs += hourMs;
      expect(await book()).toBe(1);
      expect(await evidence(agent, "c")).toEqual(byDefault);
      expect(await evidence(agent, "silent")).toEqual(nothing);
    });

    it("books more than fit a page of the event log, each once", async () => {
      const agent = await freshAgent();
      for (let made = 0; made < 1_100; made += 100) {
        await Promise.all(Array.from({ length: 100 }, () => agent.decide()));
        site.clock.timeMs += 1;
      }
      site.clock.timeMs += hourMs;
      expect(await book()).toBe(1_100);
      expect(await book()).toBe(0);
      expect(await evidence(agent)).toEqual({ generations: 1_100, weight: 1_100, reward: 275 });
    });

    it("books nothing twice after a restart", async () => {
      const agent = await freshAgent();
      await agent.decide();
      site.clock.timeMs += hourMs + secondMs;
      expect(await book()).toBe(1);
      await agent.decide();
      await site.restart();
      expect(await book()).toBe(0);
      expect(await evidence(agent)).toEqual(byDefault);
      site.clock.timeMs += hourMs + 1;
      expect(await book()).toBe(1);
      expect(await evidence(agent)).toEqual({ generations: 2, weight: 2, reward: 0.5 });
    });

    it("books in the next round what a failing event log kept from being known", async () => {
      const agent = await freshAgent();
      await agent.decide();
      site.clock.timeMs += hourMs + secondMs;
      const { eventLog } = site.engines;
      const listing = vi.spyOn(eventLog, "listWithoutOutcome").mockRejectedValueOnce(fault());
      await expect(book()).rejects.toMatchObject(isFault);
      listing.mockRestore();
      const append = vi.spyOn(eventLog, "append").mockRejectedValue(fault());
      await agent.decide();
      await expect(book()).rejects.toMatchObject(isFault);
      append.mockRestore();
      expect(await evidence(agent)).toEqual(nothing);
      expect(await book()).toBe(1);
      expect(await evidence(agent)).toEqual(byDefault);
    });

    it("one agent type whose log cannot be listed does not keep the others from theirs", async () => {
      const [first, second] = [await freshAgent(), await freshAgent()];
      await first.decide();
      await second.decide();
      site.clock.timeMs += hourMs + secondMs;
      const { eventLog } = site.engines;
      const list = eventLog.listWithoutOutcome.bind(eventLog);
      const listing = vi.spyOn(eventLog, "listWithoutOutcome").mockImplementation((input) => {
        if (input.agentType !== first.agentType) return list(input);
        throw fault("resource_exhausted");
      });
      await expect(book()).rejects.toMatchObject(isFault);
      listing.mockRestore();
      expect(await evidence(second)).toEqual(byDefault);
      expect(await book()).toBe(1);
      expect(await evidence(first)).toEqual(byDefault);
    });
  },
);

it("rounds of two replicas book each generation once, and undo no outcome", async () => {
  const site = await openSiteOfTest("servers");
  const [one, two] = [await site.open({ replica: 0 }), await site.open({ replica: 1 })];
  const agent = new LearningAgent({ service: one.service, name: "shared", policy });
  await agent.create(["only"]);
  const silent = await Promise.all(Array.from({ length: 20 }, () => agent.decide()));
  await agent.report(await agent.decide(), 1);
  await Promise.all([one.running.drain.flush(), two.running.drain.flush()]);
  site.clock.timeMs += hourMs + secondMs;
  await two.running.catalogue.refresh();
  for (let round = 0; round < 3; round += 1) {
    await Promise.all([one, two].map(({ running }) => running.defaultRewards.run()));
  }
  for (const { service } of [one, two]) {
    agent.moveTo(service);
    await expect.poll(() => agent.generations(), { timeout: 5_000 }).toBe(silent.length + 1);
    expect(await agent.arm("only")).toMatchObject({
      effectiveWeight: 21,
      effectiveReward: 1 + 20 * 0.25,
    });
  }
});

it("rounds run by themselves, also after one that has failed, which is counted", async () => {
  const site = await openSiteOfTest();
  const { service, engines, metric } = await site.open({
    changes: () => ({ defaultRewardIntervalMs: 20 }),
  });
  const agent = await new LearningAgent({ service, name: "alone", policy }).create(["only"]);
  await agent.decide();
  const listing = vi.spyOn(engines.eventLog, "listWithoutOutcome").mockRejectedValue(fault());
  site.clock.timeMs += hourMs + secondMs;
  const failures = () => metric("bandit_default_reward_failures_total", 'reason="TEST_FAULT"');
  await expect.poll(failures, { timeout: 10_000 }).toBeGreaterThan(1);
  expect(await agent.generations()).toBe(0);
  listing.mockRestore();
  await expect.poll(() => agent.generations(), { timeout: 10_000 }).toBe(1);
});
