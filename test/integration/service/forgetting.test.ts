import { describe, expect, it } from "vitest";
import type { Decision } from "../../../src/service/api/decisions.ts";
import type { LearningAgent } from "../../support/learning-agent.ts";
import { engineSets } from "../../support/site.ts";
import { useReplica } from "../../support/use-site.ts";

const halfLifeMs = 3_600_000;
const policy = { forgettingHalfLifeSeconds: 3_600, attributionWindowSeconds: 30 * 86_400 };

/** Of each arm by name: Σ of rewards, Σ of weights, generations, all prior-free. */
type Sums = Record<string, readonly [reward: number, weight: number, generations: number]>;

function halved([reward, weight, generations]: Sums[string]): Sums[string] {
  return [reward / 2, weight / 2, generations];
}

describe.each(engineSets)("forgetting on %s engines, by a clock that the test moves", (set) => {
  const site = useReplica(set);
  const freshAgent = (changes: object = {}) => site.agent({ ...policy, ...changes });
  const sumsOf = async (agent: LearningAgent, codeType = "c"): Promise<Sums> => {
    const { arms } = await agent.allocation(codeType);
    return Object.fromEntries(
      arms.map((arm) => [arm.name, [arm.effectiveReward, arm.effectiveWeight, arm.generations]]),
    );
  };
  const expectSums = (actual: Sums, expected: Sums) => {
    expect(Object.keys(actual)).toEqual(Object.keys(expected));
    for (const [name, [reward, weight, generations]] of Object.entries(expected)) {
      const sums = actual[name] as Sums[string];
      expect(Math.abs(sums[0] - reward)).toBeLessThan(1e-9);
      expect(Math.abs(sums[1] - weight)).toBeLessThan(1e-9);
      expect(sums[2]).toBe(generations);
    }
  };
  /**
   * The posterior computed anew from the event log alone (invariant I2): of each generation the newest value that
   * was learned from, at 2 to the power of the half-lives since its decision.
   */
  const fromLog = async (agent: LearningAgent, codeType = "c"): Promise<Sums> => {
    const { forgettingPosition } = await agent.allocation(codeType);
    const rows = await agent.rows(`
      SELECT toString(generation_id), variant_id, forgetting_position, reward_values[1], reward_weights[1]
      FROM (SELECT * FROM decisions FINAL) AS d
      INNER JOIN (
        SELECT generation_id, reward_values, reward_weights FROM outcomes FINAL
        WHERE learned = 1 AND agent_type = '${agent.agentType}'
        ORDER BY occurred_at DESC, outcome_id DESC LIMIT 1 BY generation_id
      ) AS o USING generation_id
      WHERE agent_type = '${agent.agentType}' AND code_type = '${codeType}'`);
    const sums: Record<string, [number, number, number]> = { a: [0, 0, 0], b: [0, 0, 0] };
    for (const [, variantId, position, value, weight] of rows) {
      const arm = sums[String(variantId).slice(`${agent.agentType}/`.length, -2)];
      const counted = 2 ** (Number(position) - forgettingPosition);
      if (arm === undefined) throw new Error(`unknown arm ${String(variantId)}`);
      arm[0] += counted * Number(weight) * Number(value);
      arm[1] += counted * Number(weight);
      arm[2] += 1;
    }
    return sums;
  };

  it("after one half-life every arm counts half, played or not, and its generations are still told", async () => {
    const agent = await freshAgent();
    for (let round = 0; round < 8; round += 1) await agent.teach("c", "a", 0.75);
    for (let round = 0; round < 4; round += 1) await agent.teach("c", "b", 0.5);
    expectSums(await sumsOf(agent), { a: [6, 8, 8], b: [2, 4, 4] });
    site.clock.timeMs += halfLifeMs;
    expectSums(await sumsOf(agent), { a: [3, 4, 8], b: [1, 2, 4] });
    expect((await agent.allocation()).forgettingPosition).toBeCloseTo(1, 9);
    // Arm a alone is played on: b is forgotten as fast.
    for (let round = 0; round < 2; round += 1) await agent.teach("c", "a", 1);
    site.clock.timeMs += halfLifeMs;
    expectSums(await sumsOf(agent), { a: [2.5, 3, 10], b: [0.5, 1, 4] });
  });

  it("never forgets where no half-life is set", async () => {
    const agent = await freshAgent({ forgettingHalfLifeSeconds: 0 });
    await agent.teach("c", "a", 1);
    const before = await agent.allocation();
    site.clock.timeMs += 1_000 * halfLifeMs;
    expect((await agent.allocation()).arms).toEqual(before.arms);
    expect((await agent.allocation()).forgettingPosition).toBe(0);
  });

  it("an allocation drifts towards equal shares by time alone, for decisions too", async () => {
    const agent = await freshAgent();
    for (let round = 0; round < 12; round += 1) {
      await agent.teach("c", "a", 1);
      await agent.teach("c", "b", 0);
    }
    let share = (await agent.arm("a")).share;
    expect(share).toBeGreaterThan(0.999);
    for (let halfLives = 1; halfLives <= 8; halfLives += 1) {
      site.clock.timeMs += halfLifeMs;
      const { propensity, variant } = await agent.decide();
      const drifted = (await agent.arm("a")).share;
      expect(drifted).toBeLessThan(share);
      expect(propensity).toBe(variant.name === "a" ? drifted : (await agent.arm("b")).share);
      share = drifted;
    }
    expect(share).toBeLessThan(0.55);
  });

  it("outcomes reported in another order, at other times, give the same posterior to 1e-9", async () => {
    const agent = await freshAgent();
    const decisions: { codeType: string; decision: Decision; score: number }[] = [];
    for (let round = 0; round < 24; round += 1) {
      const score = ((round * 7) % 11) / 10;
      for (const codeType of ["forwards", "backwards"]) {
        const only = round % 3 === 0 ? "b" : "a";
        decisions.push({ codeType, decision: await agent.decide(codeType, { only }), score });
      }
      site.clock.timeMs += halfLifeMs / 5;
    }
    for (const { codeType, decision, score } of decisions) {
      if (codeType === "forwards") await agent.report(decision, score);
    }
    for (const { codeType, decision, score } of decisions.toReversed()) {
      if (codeType !== "backwards") continue;
      await agent.report(decision, score);
      site.clock.timeMs += halfLifeMs / 50;
    }
    expectSums(await sumsOf(agent, "backwards"), await sumsOf(agent, "forwards"));
  });

  it("an outcome replaced after several half-lives leaves no residue", async () => {
    const agent = await freshAgent();
    const changed = await agent.decide("changed", { only: "a" });
    const plain = await agent.decide("plain", { only: "a" });
    await agent.report(changed, 1);
    site.clock.timeMs += 7 * halfLifeMs;
    // A newer generation makes the sums refer to a later position.
    await agent.teach("changed", "a", 0.5);
    await agent.teach("plain", "a", 0.5);
    expect(await agent.report(changed, 0)).toBe("replaced");
    await agent.report(plain, 0);
    expectSums(await sumsOf(agent, "changed"), await sumsOf(agent, "plain"));
    expectSums(await sumsOf(agent, "changed"), {
      a: [0.5, 1 + 2 ** -7, 2],
      b: [0, 0, 0],
    });
  });

  it("the posterior is what the event log gives, also over changes of the half-life and its absence", async () => {
    const agent = await freshAgent();
    const open: Decision[] = [];
    const halfLives = [3_600, 600, 0, 86_400, 3_600];
    for (const [phase, forgettingHalfLifeSeconds] of halfLives.entries()) {
      await agent.setPolicy({ ...policy, forgettingHalfLifeSeconds });
      for (let round = 0; round < 12; round += 1) {
        const decision = await agent.decide();
        if (round % 4 === 0) open.push(decision);
        else await agent.report(decision, ((phase + round) % 10) / 10);
        if (round % 4 === 3) await agent.report(open.shift() as Decision, 0.3);
        if (round % 6 === 5) await agent.report(decision, 0.9);
        site.clock.timeMs += 400_000;
      }
    }
    const live = await sumsOf(agent);
    expectSums(await fromLog(agent), live);
    // Negative control: without the positions it would be something else.
    const { arms } = await agent.allocation();
    const generations = arms.reduce((sum, arm) => sum + arm.generations, 0);
    const weight = arms.reduce((sum, arm) => sum + arm.effectiveWeight, 0);
    expect(generations).toBeGreaterThan(50);
    expect(weight).toBeLessThan(generations / 2);
    // 4,800 s at each: the position is Σ time / half-life.
    const position = 4_800 / 3_600 + 4_800 / 600 + 4_800 / 86_400 + 4_800 / 3_600;
    expect((await agent.allocation()).forgettingPosition).toBeCloseTo(position, 9);
  });

  it("logs the position of each decision", async () => {
    const agent = await freshAgent();
    for (let halfLives = 0; halfLives < 4; halfLives += 1) {
      await agent.decide();
      site.clock.timeMs += halfLifeMs / 2;
    }
    const rows = await agent.rows(`SELECT forgetting_position FROM decisions FINAL
      WHERE agent_type = '${agent.agentType}' ORDER BY decided_at`);
    expect(rows).toEqual([[0], [0.5], [1], [1.5]]);
  });

  it("a code type's policy cannot set another half-life, and follows the agent type's", async () => {
    const agent = await freshAgent();
    await agent.teach("own", "a", 1);
    await expect(
      agent.setPolicy({ ...policy, forgettingHalfLifeSeconds: 60 }, "own"),
    ).rejects.toMatchObject({
      code: "invalid_argument",
      violations: [{ field: "policy.forgetting_half_life" }],
    });
    for (const forgettingHalfLifeSeconds of [0, 3_600]) {
      const record = await agent.setPolicy({ ...policy, forgettingHalfLifeSeconds }, "own");
      expect(record.policy.forgettingHalfLifeSeconds).toBe(3_600);
    }
    site.clock.timeMs += halfLifeMs;
    expectSums(await sumsOf(agent, "own"), { a: [0.5, 0.5, 1], b: [0, 0, 0] });
    await agent.setPolicy({ ...policy, forgettingHalfLifeSeconds: 1_800 });
    site.clock.timeMs += halfLifeMs;
    expectSums(await sumsOf(agent, "own"), { a: [0.125, 0.125, 1], b: [0, 0, 0] });
    expect((await agent.allocation("own")).forgettingPosition).toBeCloseTo(3, 9);
    await agent.deletePolicy("own");
    expectSums(await sumsOf(agent, "own"), { a: [0.125, 0.125, 1], b: [0, 0, 0] });
  });

  it("goes on where it was after a restart", async () => {
    const agent = await freshAgent();
    for (let round = 0; round < 6; round += 1) {
      await agent.teach("c", round % 2 === 0 ? "a" : "b", round / 5);
      site.clock.timeMs += halfLifeMs / 3;
    }
    const late = await agent.decide("c", { only: "b" });
    const before = await sumsOf(agent);
    await site.restart();
    expectSums(await sumsOf(agent), before);
    site.clock.timeMs += halfLifeMs;
    await agent.report(late, 1);
    expectSums(await sumsOf(agent), await fromLog(agent));
    const [reward, weight, generations] = before["b"] as Sums[string];
    expectSums(await sumsOf(agent), {
      a: halved(before["a"] as Sums[string]),
      b: halved([reward + 1, weight + 1, generations + 1]),
    });
  });

  it("stands still while frozen: no share moves, and time goes on afterwards", async () => {
    const agent = await freshAgent();
    for (let round = 0; round < 8; round += 1) await agent.teach("c", "a", 1);
    const before = await agent.allocation();
    await agent.setMode("frozen");
    site.clock.timeMs += 3 * halfLifeMs;
    const frozen = await agent.allocation();
    expect(frozen.version).toBe(before.version);
    expect(frozen.arms).toEqual(before.arms);
    await agent.setMode("learning");
    expect((await agent.arm("a")).effectiveWeight).toBeCloseTo(1, 9);
  });
});
