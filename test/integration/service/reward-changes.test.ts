import { describe, expect, it } from "vitest";
import { LearningAgent } from "../../support/learning-agent.ts";
import { engineSets } from "../../support/site.ts";
import { silentLogger } from "../../support/state-samples.ts";
import { openSiteOfTest, useReplica } from "../../support/use-site.ts";

const changeDetection = { tolerance: 0.05, threshold: 5 };

describe.each(engineSets)("changes of rewards on %s engines", (set) => {
  /** Fields of the warnings. */
  const warnings: Readonly<Record<string, unknown>>[] = [];
  const site = useReplica(set, () => ({
    logger: { ...silentLogger, warn: (_message, fields = {}) => warnings.push(fields) },
  }));
  const teach = async (agent: LearningAgent, rounds: number, score: number) => {
    for (let round = 0; round < rounds; round += 1) {
      await agent.teach("c", "a", score);
      site.clock.timeMs += 1_000;
    }
  };
  const warningsOf = (agent: LearningAgent) =>
    warnings.filter((fields) => fields["agentType"] === agent.agentType);

  it.each([0, 3_600])(
    "a drop is told in GetAllocation, the metric and the log, with a half-life of %i s",
    async (forgettingHalfLifeSeconds) => {
      const agent = await site.agent({ changeDetection, forgettingHalfLifeSeconds });
      await teach(agent, 80, 0.9);
      expect((await agent.arm("a")).change).toBeUndefined();
      expect(warningsOf(agent)).toEqual([]);
      await teach(agent, 20, 0.3);
      const { arms, change } = await agent.allocation();
      const [a, b] = arms;
      expect(a?.change?.meanBefore).toBeCloseTo(0.9, 6);
      expect(a?.change?.meanSince).toBeCloseTo(0.3, 6);
      expect(site.clock.timeMs - (a?.change?.noticedAtMs ?? 0)).toBeLessThanOrEqual(20_000);
      const { meanBefore, ...known } = { ...change };
      expect(a?.change).toMatchObject(known);
      // What was expected since the drop, by all outcomes of the arm before: 0.9 first, and less with each of the drop.
      expect(meanBefore).toBeGreaterThan(0.8);
      expect(meanBefore).toBeLessThan(0.9);
      expect(b?.change).toBeUndefined();
      expect((await agent.arm("a", "elsewhere")).change).toBeUndefined();
      expect(warningsOf(agent).map(({ scope, variantId }) => [scope, variantId])).toEqual([
        ["arm", agent.variantId("a")],
        ["agent_type", undefined],
      ]);
      const decreases = await site.metric("bandit_reward_changes_total", 'direction="decrease"');
      expect(decreases).toBeGreaterThan(0);
    },
  );

  it("nothing is told while the mean is steady, or where it is switched off", async () => {
    const steady = await site.agent();
    const off = await site.agent({ changeDetection: { tolerance: 0.05, threshold: 0 } });
    // Zeros and ones of one mean; the drop is for the one that does not watch.
    for (let round = 0; round < 200; round += 1) await steady.teach("c", "a", round % 2);
    await teach(off, 80, 0.9);
    await teach(off, 40, 0.1);
    for (const agent of [steady, off]) {
      const { arms, change } = await agent.allocation();
      expect([change, ...arms.map((arm) => arm.change)]).toEqual([undefined, undefined, undefined]);
      expect(warningsOf(agent)).toEqual([]);
    }
  });

  it("what a start finds in the store raises no alarm, whatever it was", async () => {
    const agent = await site.agent({ changeDetection });
    await agent.setPolicy({ changeDetection: { tolerance: 0.05, threshold: 0 } });
    await teach(agent, 80, 0.9);
    await teach(agent, 80, 0.1);
    await agent.setPolicy({ changeDetection });
    const told = warnings.length;
    await site.restart();
    expect((await agent.arm("a")).generations).toBe(160);
    // The detector begins with these, so a mean of 0.5 of all before is nothing to it.
    await teach(agent, 60, 0.9);
    expect((await agent.allocation()).change).toBeUndefined();
    expect(warnings).toHaveLength(told);
    await teach(agent, 20, 0.2);
    expect((await agent.arm("a")).change?.meanSince).toBeCloseTo(0.2, 6);
  });
});

it("changes are noticed by a replica that only hears of the outcomes, too", async () => {
  const site = await openSiteOfTest("servers");
  const one = await site.open({ replica: 0 });
  const two = await site.open({ replica: 1 });
  const options = { name: "shared", policy: { changeDetection } };
  const agent = await new LearningAgent({ service: one.service, ...options }).create(["a"]);
  await two.running.catalogue.refresh();
  const elsewhere = new LearningAgent({ service: two.service, ...options });
  for (let round = 0; round < 110; round += 1) await agent.teach("c", "a", round < 80 ? 0.9 : 0.2);
  await expect
    .poll(async () => (await elsewhere.arm("a")).change !== undefined, { timeout: 5_000 })
    .toBe(true);
  expect((await agent.arm("a")).change?.meanSince).toBeCloseTo(0.2, 6);
});
