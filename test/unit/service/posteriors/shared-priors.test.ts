import { beforeEach, describe, expect, it } from "vitest";
import { PrometheusTelemetry } from "../../../../src/adapters/system/prometheus-telemetry.ts";
import { defaultPolicy } from "../../../../src/bandit/default-policy.ts";
import { type RewardTotals, zeroTotals } from "../../../../src/domain/contribution.ts";
import {
  type CodeType,
  parseCodeType,
  parseVariantId,
  type VariantId,
} from "../../../../src/domain/ids.ts";
import type { Policy, PolicyRecord } from "../../../../src/domain/policy.ts";
import { CatalogueView } from "../../../../src/service/catalogue/catalogue-view.ts";
import { AllocationTable } from "../../../../src/service/posteriors/allocation-table.ts";
import { SharedPriors } from "../../../../src/service/posteriors/shared-priors.ts";
import { agentType, catalogueSnapshot, policyRecord } from "../../../support/catalogue-samples.ts";

const good = parseVariantId("agent/a@1");
const bad = parseVariantId("agent/b@1");
const pool = [good, bad];

const record = (changes: Partial<Policy> = {}, etag = "1") =>
  policyRecord({ policy: { ...defaultPolicy, sharedPriorStrengthMax: 30, ...changes }, etag });

const entry = { pool, policy: record(), overrides: new Map<CodeType, PolicyRecord>() };

function totalsOf(reward: number, generations: number): RewardTotals {
  return { ...zeroTotals, reward, weight: generations, squares: reward, generations };
}

describe("priors that code types learn from each other", () => {
  const clock = { timeMs: 0, nowMs: () => clock.timeMs, monotonicMs: () => clock.timeMs };
  let codeTypes: Map<CodeType, { totals: Map<VariantId, { totals: RewardTotals }> }>;
  let priors: SharedPriors;
  const learn = (name: string, variantId: VariantId, reward: number, generations: number) => {
    const codeType = parseCodeType(name);
    const known = codeTypes.get(codeType) ?? { totals: new Map() };
    known.totals.set(variantId, { totals: totalsOf(reward, generations) });
    codeTypes.set(codeType, known);
    priors.noteChange();
  };
  const learnEverywhere = () => {
    for (let at = 0; at < 12; at += 1) {
      learn(`c${at}`, good, 80, 100);
      learn(`c${at}`, bad, 30, 100);
    }
  };
  const none = { alpha: 0, beta: 0 };
  /** Of the arm's prior: its mean (NaN where there is none) and its strength. */
  const shapeOf = (policy: PolicyRecord, variantId: VariantId, codeType?: CodeType, at = entry) => {
    const { alpha, beta } = priors.priorsOf(at, policy, codeType)?.get(variantId) ?? none;
    return { mean: alpha / (alpha + beta), strength: alpha + beta };
  };
  const meanOf = (...args: Parameters<typeof shapeOf>) => shapeOf(...args).mean;

  beforeEach(() => {
    clock.timeMs = 0;
    codeTypes = new Map();
    priors = new SharedPriors({
      clock,
      telemetry: new PrometheusTelemetry(),
      codeTypes: () => codeTypes,
    });
  });

  it("leaves code types out whose rewards are made otherwise", () => {
    learnEverywhere();
    const odd = parseCodeType("odd");
    learn("odd", good, 0, 1_000_000);
    const without = meanOf(record(), good);
    const reward = { ...defaultPolicy.reward, costPenaltyPerUsd: 1 };
    const overrides = new Map([[odd, { ...record({ reward }, "2"), codeType: odd }]]);
    const mean = meanOf(record(), good, undefined, { ...entry, overrides });
    expect(mean).toBeGreaterThan(without);
    expect(mean).toBeGreaterThan(0.7);
  });

  it("is off without a strength", () => {
    learnEverywhere();
    const off = record({ sharedPriorStrengthMax: 0 });
    expect(priors.priorsOf(entry, off, undefined)).toBeUndefined();
  });

  it("gives a new code type what the others have, at most as strong as allowed", () => {
    learnEverywhere();
    expect(meanOf(record(), good)).toBeGreaterThan(0.7);
    expect(meanOf(record(), bad)).toBeLessThan(0.4);
    for (const id of pool) expect(shapeOf(record(), id).strength).toBeLessThanOrEqual(32);
  });

  it("is the same object for as long as nothing has moved, and is not learned anew too often", () => {
    learnEverywhere();
    const first = priors.priorsOf(entry, record(), undefined);
    clock.timeMs += 60_000;
    expect(priors.priorsOf(entry, record(), undefined)).toBe(first);
    learn("c0", good, 81, 101);
    expect(priors.priorsOf(entry, record(), undefined)).toBe(first);
    for (let at = 0; at < 12; at += 1) learn(`c${at}`, good, 20, 100);
    clock.timeMs += 1;
    // The change of a moment ago began a new pause.
    expect(priors.priorsOf(entry, record(), undefined)).toBe(first);
    clock.timeMs += 10_000;
    expect(priors.priorsOf(entry, record(), undefined)).not.toBe(first);
    expect(meanOf(record(), good)).toBeLessThan(0.4);
  });

  it("follows another policy and another pool at once", () => {
    learnEverywhere();
    expect(shapeOf(record(), good).strength).toBeGreaterThan(10);
    const weak = record({ sharedPriorStrengthMax: 2 }, "2");
    expect(shapeOf(weak, good).strength).toBeCloseTo(4, 9);
    const newcomer = parseVariantId("agent/new@1");
    const larger = { ...entry, pool: [...pool, newcomer] };
    expect(priors.priorsOf(larger, record({}, "3"), undefined)?.has(newcomer)).toBe(true);
  });

  it("a code type's own outcomes do not come back to it as a prior, and what contradicts them is let go of", () => {
    learnEverywhere();
    const own = parseCodeType("own");
    const difference = (goodReward: number, badReward: number, generations: number) => {
      learn("own", good, goodReward, generations);
      learn("own", bad, badReward, generations);
      clock.timeMs += 10_000;
      return meanOf(record(), good, own) - meanOf(record(), bad, own);
    };
    // Its level counts, what tells its arms apart does not: theirs differ by 0.5, its own by 0.2.
    expect(difference(13, 9, 20)).toBeGreaterThan(0.35);
    // The other way round: no prior for its own way either.
    const contrary = difference(0, 250, 500);
    expect(contrary).toBeGreaterThanOrEqual(0);
    expect(contrary).toBeLessThan(0.05);
  });

  it("what others have learned is forgotten by time alone", () => {
    const forgetting = record({ forgettingHalfLifeSeconds: 3_600 });
    for (let at = 0; at < 12; at += 1) {
      learn(`c${at}`, good, 8, 10);
      learn(`c${at}`, bad, 3, 10);
    }
    const strength = () => shapeOf(forgetting, good).strength;
    const fresh = strength();
    expect(fresh).toBeGreaterThan(4);
    clock.timeMs += 20 * 3_600_000;
    expect(strength()).toBeLessThan(fresh - 1);
  });

  it("reaches the table also when the announcement was missed and a comparison repairs it", () => {
    const policy = record({ refreshIntervalMs: 0, explorationShare: 0 });
    const entry = new CatalogueView(catalogueSnapshot([policy])).getAgentType(agentType);
    const table = new AllocationTable({ clock, telemetry: new PrometheusTelemetry() });
    const shareOfGood = () =>
      table.current(entry, parseCodeType("new"), {}).allocation.probabilities[0] ?? 0;
    const compare = (lists: boolean) => {
      table.beginComparison();
      for (let at = 0; lists && at < 12; at += 1) {
        const key = { agentType, codeType: parseCodeType(`c${at}`), version: 1 };
        table.compare({ ...key, variantId: good, totals: totalsOf(80, 100) });
        table.compare({ ...key, variantId: bad, totals: totalsOf(30, 100) });
      }
      for (const _ of table.forgetUnlisted());
      clock.timeMs += 20_000;
    };
    expect(shareOfGood()).toBeCloseTo(0.5, 9);
    compare(true);
    expect(shareOfGood()).toBeGreaterThan(0.9);
    // The store was emptied: two comparisons say so.
    compare(false);
    compare(false);
    expect(shareOfGood()).toBeCloseTo(0.5, 9);
  });
});
