import { describe, expect, it } from "vitest";
import type { Algorithm, LinearFeature } from "../../../src/domain/policy.ts";
import type { LearningAgent } from "../../support/learning-agent.ts";
import { engineSets } from "../../support/site.ts";
import { useReplica } from "../../support/use-site.ts";

function linearOn(...features: readonly Partial<LinearFeature>[]): Algorithm {
  return {
    kind: "linear_thompson",
    features: features.map((feature) => ({ name: "size", mean: 0, scale: 1, ...feature })),
    priorVariance: 1,
    noiseStandardDeviation: 0.5,
  };
}

/** What arm `a` is good at, `b` is bad at: small inputs. */
function scoreOf(variant: string, size: number): number {
  return (variant === "a") === size < 0 ? 0.9 : 0.3;
}

describe.each(engineSets)("linear Thompson on %s engines", (set) => {
  const site = useReplica(set);
  const freshAgent = (algorithm = linearOn({})) =>
    site.agent({ algorithm, explorationShare: 0.02 });
  const learn = async (agent: LearningAgent, rounds: number, codeType = "c") => {
    for (let round = 0; round < rounds; round += 1) {
      const size = round % 2 === 0 ? -1 : 1;
      const decision = await agent.decide(codeType, { features: { size } });
      await agent.report(decision, scoreOf(decision.variant.name, size));
      site.clock.timeMs += 1_000;
    }
  };
  const share = async (agent: LearningAgent, name: string, features: Record<string, number>) =>
    (await agent.arm(name, "c", features)).share;
  const contextsOf = (agent: LearningAgent) =>
    agent.rows(`SELECT context_epoch, context FROM decisions FINAL
      WHERE agent_type = '${agent.agentType}' ORDER BY decided_at`);

  it("learns which arm is best in which context, shows it, and serves accordingly", async () => {
    const agent = await freshAgent();
    expect(await share(agent, "a", { size: -1 })).toBeCloseTo(0.5, 9);
    await learn(agent, 300);
    expect(await share(agent, "a", { size: -1 })).toBeGreaterThan(0.9);
    expect(await share(agent, "b", { size: 1 })).toBeGreaterThan(0.9);
    expect(await share(agent, "a", { size: 0 })).toBeLessThan(0.9);
    const { arms } = await agent.allocation("c", { size: -1 });
    for (const { belief, name } of arms) {
      if (belief.kind !== "linear") throw new Error("not linear");
      expect(Math.sign(belief.coefficients[1] as number)).toBe(name === "a" ? -1 : 1);
    }
    let right = 0;
    for (let round = 0; round < 100; round += 1) {
      const size = round % 2 === 0 ? -1 : 1;
      const { variant, propensity } = await agent.decide("c", { features: { size } });
      expect(propensity).toBe(await share(agent, variant.name, { size }));
      if (scoreOf(variant.name, size) > 0.5) right += 1;
    }
    // Binomial(100, > 0.9): below 75 less than once in 10,000 runs.
    expect(right).toBeGreaterThan(75);
  });

  it("serves requests without the feature at the average input", async () => {
    const agent = await freshAgent(linearOn({ mean: 10, scale: 5 }));
    await agent.report(await agent.decide("c", { features: { other: 3 } }), 1);
    for (const { name } of (await agent.allocation()).arms) {
      expect(await share(agent, name, {})).toBe(await share(agent, name, { size: 10 }));
    }
    expect((await contextsOf(agent)).map(([, values]) => values)).toEqual([[1, 0]]);
  });

  it("logs what the model saw: standardised, cut off, under the epoch of the features", async () => {
    const agent = await freshAgent(linearOn({ mean: 10, scale: 5 }, { name: "depth", scale: 2 }));
    const { agentType } = agent;
    const { featuresSinceMs } = await site.service.catalog.getPolicy({ agentType });
    for (const features of [{ size: 20, depth: 3 }, { size: -1e300 }, { depth: 0 }]) {
      await agent.decide("c", { features });
      site.clock.timeMs += 1;
    }
    expect(await contextsOf(agent)).toEqual([
      [String(featuresSinceMs), [1, 2, 1.5]],
      [String(featuresSinceMs), [1, -10, 0]],
      [String(featuresSinceMs), [1, 0, 0]],
    ]);
  });

  it("the posterior is the ridge regression of the event log", async () => {
    const agent = await freshAgent();
    await learn(agent, 60);
    const { arms } = await agent.allocation();
    for (const { name, belief } of arms) {
      if (belief.kind !== "linear") throw new Error("not linear");
      const rows = await agent.rows(`
        SELECT d.context[2], o.reward_values[1] FROM (SELECT * FROM decisions FINAL) AS d
        INNER JOIN (SELECT * FROM outcomes FINAL) AS o USING generation_id
        WHERE variant_id = '${agent.variantId(name)}'`);
      // Precision I/1 + Σ x xᵀ/0.25 and Σ x r/0.25, the prior mean (0.5, 0) among them.
      let [p00, p01, p11, v0, v1] = [1, 0, 1, 0.5, 0];
      for (const [size, reward] of rows) {
        const [x, r] = [Number(size), Number(reward)];
        p00 += 4;
        p01 += 4 * x;
        p11 += 4 * x * x;
        v0 += 4 * r;
        v1 += 4 * r * x;
      }
      const determinant = p00 * p11 - p01 * p01;
      const [intercept, slope] = belief.coefficients as [number, number];
      expect(Math.abs(intercept - (p11 * v0 - p01 * v1) / determinant)).toBeLessThan(1e-9);
      expect(Math.abs(slope - (p00 * v1 - p01 * v0) / determinant)).toBeLessThan(1e-9);
    }
  });

  it("other features start the model anew, while the totals stay", async () => {
    const agent = await freshAgent();
    await learn(agent, 100);
    const before = await agent.allocation();
    site.clock.timeMs += 1_000;
    await agent.setPolicy({ algorithm: linearOn({ scale: 2 }) });
    const after = await agent.allocation("c", { size: -1 });
    for (const [at, arm] of after.arms.entries()) {
      expect(arm.generations).toBe(before.arms[at]?.generations);
      expect(arm.effectiveWeight).toBe(before.arms[at]?.effectiveWeight);
      expect(arm.share).toBeCloseTo(0.5, 9);
      expect(arm.mean).toBeCloseTo(0.5, 12);
    }
    await learn(agent, 300);
    expect(await share(agent, "a", { size: -1 })).toBeGreaterThan(0.8);
    // A change of anything else keeps it.
    const kept = await agent.allocation("c", { size: -1 });
    await agent.setPolicy({ algorithm: linearOn({ scale: 2 }), attributionWindowSeconds: 7_200 });
    expect((await agent.allocation("c", { size: -1 })).arms).toEqual(kept.arms);
  });

  it("a late outcome of a decision under the features before changes nothing but the totals", async () => {
    const agent = await freshAgent();
    const old = await agent.decide("c", { only: "a", features: { size: 1 } });
    site.clock.timeMs += 1_000;
    await agent.setPolicy({ algorithm: linearOn({ scale: 2 }) });
    await agent.teach("c", "a", 0.9);
    const before = await agent.arm("a");
    expect(await agent.report(old, 0)).toBe("applied");
    const after = await agent.arm("a");
    expect(after.belief).toEqual(before.belief);
    expect(after.generations).toBe(before.generations + 1);
  });

  it.each<{ fate: string; last: Algorithm[] }>([
    { fate: "goes", last: [] },
    { fate: "becomes Thompson sampling and goes", last: [{ kind: "thompson_sampling" }] },
  ])(
    "an override with features of its own comes and $fate: the code type learns again afterwards",
    async ({ last }) => {
      const agent = await freshAgent();
      site.clock.timeMs += 1_000;
      await agent.setPolicy({ algorithm: linearOn({ name: "depth" }) }, "c");
      await agent.teach("c", "a", 0.9);
      site.clock.timeMs += 1_000;
      for (const algorithm of last) await agent.setPolicy({ algorithm }, "c");
      site.clock.timeMs += 1_000;
      await agent.deletePolicy("c");
      site.clock.timeMs += 1_000;
      await learn(agent, 200);
      expect(await share(agent, "a", { size: -1 })).toBeGreaterThan(0.8);
      expect(await share(agent, "b", { size: 1 })).toBeGreaterThan(0.8);
    },
  );

  it("an override that never had features takes nothing from the agent type's model when it goes", async () => {
    const agent = await freshAgent();
    site.clock.timeMs += 1_000;
    await agent.setPolicy({ algorithm: { kind: "thompson_sampling" } }, "other");
    await learn(agent, 60);
    const before = await agent.allocation("c", { size: -1 });
    await agent.deletePolicy("other");
    expect((await agent.allocation("c", { size: -1 })).arms).toEqual(before.arms);
  });

  it("frozen keeps what is served in each context; static serves the baseline whatever the context", async () => {
    const agent = await freshAgent();
    await learn(agent, 60);
    const open = await agent.decide("c", { only: "b", features: { size: -1 } });
    const versions = async () =>
      Promise.all([-1, 1].map(async (size) => (await agent.allocation("c", { size })).version));
    const before = await versions();
    expect(before[0]).not.toBe(before[1]);
    await agent.setMode("frozen");
    expect(await agent.report(open, 1)).toBe("not_learned");
    site.clock.timeMs += 60_000;
    expect(await versions()).toEqual(before);
    await agent.setMode("static");
    const served = await agent.decide("c", { features: { size: 1 } });
    expect([served.variant.name, served.propensity]).toEqual(["a", 1]);
    await agent.setMode("learning");
    expect(await versions()).toEqual(before);
  });

  it("knows its contexts after a restart", async () => {
    const agent = await freshAgent();
    await learn(agent, 40);
    const before = await agent.allocation("c", { size: 0.25 });
    await site.restart();
    const after = await agent.allocation("c", { size: 0.25 });
    expect(after.arms).toEqual(before.arms);
    expect(after.version).toBe(before.version);
  });
});
