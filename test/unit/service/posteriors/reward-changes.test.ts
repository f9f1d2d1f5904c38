import { beforeEach, describe, expect, it } from "vitest";
import { PrometheusTelemetry } from "../../../../src/adapters/system/prometheus-telemetry.ts";
import { defaultPolicy } from "../../../../src/bandit/default-policy.ts";
import {
  type RewardTotals,
  replaceInTotals,
  totalsAt,
  zeroTotals,
} from "../../../../src/domain/contribution.ts";
import { parseAgentType, parseCodeType, parseVariantId } from "../../../../src/domain/ids.ts";
import type { ChangeDetection } from "../../../../src/domain/policy.ts";
import { SeededGenerator } from "../../../../src/numerics/random-generator.ts";
import type { Logger } from "../../../../src/ports/telemetry.ts";
import { CatalogueCache } from "../../../../src/service/catalogue/catalogue-cache.ts";
import { RewardChanges } from "../../../../src/service/posteriors/reward-changes.ts";
import { agentType, catalogueSnapshot } from "../../../support/catalogue-samples.ts";

const codeType = parseCodeType("c");
const variantId = parseVariantId("agent/a@1");
const arm = { agentType, codeType, variantId };
const quick: ChangeDetection = { tolerance: 0.05, threshold: 5 };

interface Logged {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>> | undefined;
}

describe("changes of mean rewards", () => {
  const logged: Logged[] = [];
  const clock = { nowMs: () => 1_000, monotonicMs: () => 1_000 };
  let telemetry: PrometheusTelemetry;
  let totals: RewardTotals;
  beforeEach(() => {
    logged.length = 0;
    telemetry = new PrometheusTelemetry();
    totals = zeroTotals;
  });

  const log =
    (level: string): Logger["info"] =>
    (message, fields) => {
      logged.push({ level, message, fields });
    };
  const logger = { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };

  async function watch(own: ChangeDetection, override?: ChangeDetection): Promise<RewardChanges> {
    const policyWith = (changeDetection: ChangeDetection) => ({
      ...defaultPolicy,
      changeDetection,
    });
    const overrides =
      override === undefined ? [] : [{ policy: policyWith(override), etag: "2", codeType }];
    const load = async () => catalogueSnapshot([{ policy: policyWith(own) }, ...overrides], ["a"]);
    const catalogue = await CatalogueCache.load(
      { load, onChange: () => () => undefined } as never,
      logger,
    );
    return new RewardChanges({ catalogue, clock, telemetry, logger });
  }

  function learn(changes: RewardChanges, reward: number, position = 0, weight = 1): void {
    const none = { reward: 0, weight: 0, squares: 0, generations: 0 };
    const after = { reward, weight, squares: (reward * reward) / weight, generations: 1 };
    const before = totals;
    totals = replaceInTotals(totals, { before: none, after, position });
    changes.observe(arm, before, totals);
  }

  it("tells a drop of an arm and of its agent type: in the view, the log and the metric", async () => {
    const changes = await watch(quick);
    for (let round = 0; round < 100; round += 1) learn(changes, 0.8);
    expect(changes.ofArm(arm)).toBeUndefined();
    for (let round = 0; round < 30; round += 1) learn(changes, 0.2);
    expect(changes.ofArm(arm)).toEqual({
      noticedAtMs: 1_000,
      meanBefore: expect.closeTo(0.8, 9),
      meanSince: expect.closeTo(0.2, 9),
    });
    // What the outcomes since were expected to be follows them a little.
    expect(changes.ofAgentType(agentType)).toEqual({
      ...changes.ofArm(arm),
      meanBefore: expect.closeTo(0.775, 3),
    });
    expect(
      logged.map(({ level, fields }) => [level, fields?.["scope"], fields?.["direction"]]),
    ).toEqual([
      ["warn", "arm", "decrease"],
      ["warn", "agent_type", "decrease"],
    ]);
    expect(logged[0]?.fields).toMatchObject(arm);
    expect(logged[1]?.fields).not.toHaveProperty("variantId");
    const { body } = await telemetry.page();
    expect(body).toMatch(/bandit_reward_changes_total\{[^}]*scope="arm"[^}]*\} 1/);
    expect(body).toMatch(/bandit_reward_changes_total\{[^}]*scope="agent_type"[^}]*\} 1/);
    expect(body).not.toContain("agent/a@1");
  });

  it("another mix of code types is no change of the agent type, a drop in all of them is one", async () => {
    const changes = await watch(quick);
    const learnIn = (name: string, reward: number) => {
      const none = zeroTotals;
      const after = { ...none, reward, weight: 1, squares: reward * reward, generations: 1 };
      changes.observe({ ...arm, codeType: parseCodeType(name) }, none, after);
    };
    for (let round = 0; round < 200; round += 1)
      learnIn(round % 10 === 0 ? "hard" : "easy", round % 10 === 0 ? 0.2 : 0.9);
    for (let round = 0; round < 200; round += 1)
      learnIn(round % 10 === 0 ? "easy" : "hard", round % 10 === 0 ? 0.9 : 0.2);
    expect(logged).toEqual([]);
    for (let round = 0; round < 60; round += 1)
      learnIn(round % 2 === 0 ? "easy" : "hard", round % 2 === 0 ? 0.6 : 0.1);
    expect(changes.ofAgentType(agentType)?.meanSince).toBeCloseTo(0.35, 1);
  });

  it("tells a rise without a warning", async () => {
    const changes = await watch(quick);
    for (let round = 0; round < 100; round += 1) learn(changes, 0.2);
    for (let round = 0; round < 30; round += 1) learn(changes, 0.8);
    expect(changes.ofArm(arm)?.meanSince).toBeCloseTo(0.8, 9);
    expect(new Set(logged.map(({ level }) => level))).toEqual(new Set(["info"]));
  });

  it("sees every value of 0 and of 1 as one, whatever the sums' rounding made of it", async () => {
    const changes = await watch(quick);
    // Thirds, forgetting, and outcomes that come in another order: the differences of the sums lie around 1 and 0, not on them.
    const source = SeededGenerator.fromSeed(7);
    let [position, latest, weight, reward] = [0, 0, 0, 0];
    for (let round = 0; round < 400; round += 1) {
      position += source.next() / 100;
      const decidedAt = Math.max(position - source.next() / 3, 0);
      const value = round % 10 === 0 ? 1 / 3 : 1;
      latest = Math.max(latest, decidedAt);
      weight += 2 ** (decidedAt - latest);
      reward += 2 ** (decidedAt - latest) * value;
      learn(changes, value, decidedAt);
    }
    expect(changes.ofArm(arm)).toBeUndefined();
    for (let round = 0; round < 10; round += 1) learn(changes, 0, position + round / 300);
    const { meanBefore, meanSince } = changes.ofArm(arm) ?? {};
    expect(meanSince).toBeCloseTo(0, 6);
    // One in nine ones comes out as 1.0000000000000002: were those left out, it would be less.
    expect(meanBefore).toBeCloseTo(reward / weight, 9);
  });

  it("what is only forgotten, or replaced by another value, is no outcome", async () => {
    const changes = await watch(quick);
    for (let round = 0; round < 100; round += 1) learn(changes, 0.8);
    for (let round = 1; round <= 200; round += 1) {
      const before = totals;
      totals = totalsAt(totals, round / 10);
      changes.observe(arm, before, totals);
    }
    for (let round = 0; round < 200; round += 1) {
      const before = totals;
      totals = replaceInTotals(totals, {
        before: { reward: 0.8, weight: 1, squares: 0.64, generations: 1 },
        after: { reward: 0, weight: 1, squares: 0, generations: 1 },
        position: 0,
      });
      changes.observe(arm, before, totals);
    }
    expect(logged).toEqual([]);
  });

  it("a threshold of 0 switches it off, for the arms and the agent type each by its own policy", async () => {
    const drop = (changes: RewardChanges) => {
      totals = zeroTotals;
      for (let round = 0; round < 100; round += 1) learn(changes, 0.8);
      for (let round = 0; round < 100; round += 1) learn(changes, 0.1);
      return [changes.ofArm(arm) !== undefined, changes.ofAgentType(agentType) !== undefined];
    };
    const off = { tolerance: 0.05, threshold: 0 };
    expect(drop(await watch(off))).toEqual([false, false]);
    expect(drop(await watch(quick, off))).toEqual([false, true]);
    expect(drop(await watch(off, quick))).toEqual([true, false]);
  });

  it("rewards outside [0,1] are not watched", async () => {
    const changes = await watch(quick);
    for (let round = 0; round < 100; round += 1) learn(changes, 7);
    for (let round = 0; round < 100; round += 1) learn(changes, -7);
    expect(logged).toEqual([]);
  });

  it("a jump of many outcomes at once counts as many, up to a bound", async () => {
    const changes = await watch(quick);
    for (let round = 0; round < 100; round += 1) learn(changes, 0.8);
    const before = totals;
    totals = {
      ...totals,
      reward: totals.reward + 2e5,
      weight: totals.weight + 1e6,
      generations: 1e6,
    };
    changes.observe(arm, before, totals);
    expect(changes.ofArm(arm)?.meanSince).toBeCloseTo(0.2, 9);
  });

  it("an agent type that is not in the catalogue is left alone", async () => {
    const changes = await watch(quick);
    const gone = parseAgentType("gone");
    changes.observe({ ...arm, agentType: gone }, zeroTotals, { ...zeroTotals, weight: 1 });
    expect(changes.ofAgentType(gone)).toBeUndefined();
  });
});
