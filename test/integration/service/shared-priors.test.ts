import { beforeAll, describe, expect, it } from "vitest";
import { LearningAgent } from "../../support/learning-agent.ts";
import { engineSets } from "../../support/site.ts";
import { openSiteOfTest, useReplica } from "../../support/use-site.ts";

const policy = { sharedPriorStrengthMax: 30 };

/** In eight code types `b` is the better one, by far. */
async function teachOthers(agent: LearningAgent): Promise<void> {
  for (let at = 0; at < 8; at += 1) {
    for (let round = 0; round < 20; round += 1) {
      await agent.teach(`known_${at}`, "a", round % 4 === 0 ? 1 : 0);
      await agent.teach(`known_${at}`, "b", round % 4 === 0 ? 0 : 1);
    }
  }
}

describe.each(engineSets)("shared priors on %s engines", (set) => {
  const site = useReplica(set);
  let agent: LearningAgent;
  beforeAll(async () => {
    agent = await site.agent(policy);
    await teachOthers(agent);
    site.clock.timeMs += 20_000;
  });

  it("a code type never seen before starts with what the others know, and is served so", async () => {
    const { arms } = await agent.allocation("never_seen");
    const [a, b] = arms.map(({ sharedPrior }) => sharedPrior ?? { alpha: 0, beta: 0 });
    for (const { belief, sharedPrior, generations } of arms) {
      expect(belief).toEqual({ kind: "beta", ...sharedPrior });
      expect(generations).toBe(0);
    }
    expect((a?.alpha ?? 1) / ((a?.alpha ?? 1) + (a?.beta ?? 0))).toBeLessThan(0.45);
    expect((b?.alpha ?? 0) / ((b?.alpha ?? 0) + (b?.beta ?? 0))).toBeGreaterThan(0.55);
    const share = arms[1]?.share as number;
    expect(share).toBeGreaterThan(0.9);
    const { propensity, variant } = await agent.decide("never_seen");
    expect(propensity).toBe(variant.name === "b" ? share : arms[0]?.share);
  });

  it("outcomes of its own come on top, and win", async () => {
    const prior = (await agent.arm("b", "other")).sharedPrior;
    for (let round = 0; round < 60; round += 1) {
      await agent.teach("other", "a", 1);
      await agent.teach("other", "b", 0);
    }
    const after = await agent.arm("b", "other");
    if (after.belief.kind !== "beta") throw new Error("not a Beta posterior");
    const { alpha, beta } = after.sharedPrior ?? { alpha: 0, beta: 0 };
    expect(alpha + beta).toBeLessThanOrEqual(32 + 1e-9);
    expect(after.belief.alpha).toBeCloseTo(alpha, 9);
    expect(after.belief.beta).toBeCloseTo(beta + 60, 9);
    expect(after.share).toBeLessThan(0.01);
    expect(prior).toBeDefined();
  });

  it("is off by default: nobody's prior but the policy's", async () => {
    const alone = await site.agent();
    await teachOthers(alone);
    site.clock.timeMs += 20_000;
    for (const arm of (await alone.allocation("never_seen")).arms) {
      expect(arm.sharedPrior).toBeUndefined();
      expect(arm.belief).toEqual({ kind: "beta", alpha: 1, beta: 1 });
      expect(arm.share).toBeCloseTo(0.5, 9);
    }
    // Switched on, it knows at once.
    await alone.setPolicy(policy);
    expect((await alone.arm("b", "never_seen")).share).toBeGreaterThan(0.9);
    await alone.setPolicy({ sharedPriorStrengthMax: 0 });
    expect((await alone.arm("b", "never_seen")).share).toBeCloseTo(0.5, 9);
  });

  it("a new variant gets none of its parent's counts: at most four outcomes of an average arm", async () => {
    const growing = await site.agent(policy);
    await teachOthers(growing);
    await growing.addVariant("child", growing.variantId("b"));
    site.clock.timeMs += 20_000;
    for (const codeType of ["known_0", "never_seen"]) {
      const child = await growing.arm("child", codeType);
      const { alpha, beta } = child.sharedPrior ?? { alpha: 0, beta: 0 };
      expect(child.generations).toBe(0);
      expect(alpha + beta).toBeLessThanOrEqual(2 + 4 + 1e-9);
      expect(alpha / (alpha + beta)).toBeCloseTo(0.5, 1);
    }
  });

  it("frozen keeps a new code type's priors as they were when it was first asked for", async () => {
    const still = await site.agent(policy);
    await teachOthers(still);
    const before = await still.allocation("asked_before");
    await still.setMode("frozen");
    site.clock.timeMs += 60_000;
    const after = await still.allocation("asked_before");
    expect(after.version).toBe(before.version);
    expect(after.arms).toEqual(before.arms);
  });

  it("knows them after a restart", async () => {
    const before = await agent.allocation("unheard_of");
    await site.restart();
    const after = await agent.allocation("unheard_of");
    for (const [at, { sharedPrior }] of after.arms.entries()) {
      const known = before.arms[at]?.sharedPrior;
      // A prior that has moved by less than 0.05 of an outcome is left as it was, except by a restart.
      expect(Math.abs((sharedPrior?.alpha ?? 0) - (known?.alpha ?? 9))).toBeLessThan(0.05);
      expect(Math.abs((sharedPrior?.beta ?? 0) - (known?.beta ?? 9))).toBeLessThan(0.05);
    }
  });
});

it("two replicas agree once both have heard of the same outcomes", async () => {
  const site = await openSiteOfTest("servers");
  const one = await site.open({ replica: 0 });
  const two = await site.open({ replica: 1 });
  const options = { name: "shared", policy };
  const agent = await new LearningAgent({ service: one.service, ...options }).create();
  await two.running.catalogue.refresh();
  const elsewhere = new LearningAgent({ service: two.service, ...options });
  // Both have asked before there was anything to share.
  for (const side of [agent, elsewhere]) {
    expect((await side.arm("b", "never_seen")).share).toBeCloseTo(0.5, 9);
  }
  await teachOthers(agent);
  await expect
    .poll(async () => (await elsewhere.arm("b", "known_7")).generations, { timeout: 5_000 })
    .toBe(20);
  site.clock.timeMs += 20_000;
  const shareOf = async (side: LearningAgent) => (await side.arm("b", "never_seen")).share;
  const share = await shareOf(agent);
  expect(share).toBeGreaterThan(0.9);
  expect(await shareOf(elsewhere)).toBeCloseTo(share, 2);
});
