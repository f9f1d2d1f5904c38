import { describe, expect, it } from "vitest";
import {
  type Allocation,
  DecisionSource,
  Mode,
  OutcomeStatus,
  RecordGenerationStatus,
  UserActionKind,
} from "../../../src/client/index.ts";
import { chiSquareUpperTail } from "../../support/chi-square.ts";
import { engineSets } from "../../support/site.ts";
import { useServed } from "../../support/use-site.ts";

const agentType = "evolution";
const thompson = { case: "thompsonSampling", value: {} } as const;
const passRate = [{ metric: "test_pass_rate", weight: 1 }];

describe.each(engineSets)("online path on %s engines", (engines) => {
  const served = useServed(engines);
  let nextCodeType = 0;
  /** A code type no other test has touched. */
  const freshCodeType = () => `code_type_${nextCodeType++}`;
  const select = (codeType: string) =>
    served.client.selectVariant({ agentType, codeType, agentId: "evolution_1" });
  const allocationOf = async (codeType: string): Promise<Allocation> => {
    const { allocation } = await served.client.getAllocation({ agentType, codeType });
    if (allocation === undefined) throw new Error("no allocation");
    return allocation;
  };
  const armOf = async (codeType: string, variantId: string) => {
    const arm = (await allocationOf(codeType)).arms.find((one) => one.variantId === variantId);
    if (arm === undefined) throw new Error(`no arm ${variantId}`);
    return arm;
  };
  const testRun = (passed: number, failed: number) =>
    ({ case: "testRun", value: { passed, failed } }) as const;
  /** @returns the status of the outcome */
  const report = async (generationId: string, passed: number, failed: number, more = {}) => {
    const request = { generationId, outcome: testRun(passed, failed), ...more };
    return (await served.client.recordOutcome(request)).status;
  };
  /** Of a code type: Thompson sampling on the share of tests passed, but for the changes. */
  const setPolicy = (
    codeType: string,
    { reward = {}, ...changes }: { reward?: object; [field: string]: unknown },
  ) => {
    const rewarded = { components: passRate, ...reward };
    const policy = { algorithm: { kind: thompson }, reward: rewarded, ...changes };
    return served.client.setPolicy({ agentType, codeType, policy: policy as never });
  };

  it("decides, records and learns: a good outcome moves the arm's mean up, a bad one down", async () => {
    const codeType = freshCodeType();
    const good = await select(codeType);
    expect(good.variant?.promptTemplate).toMatch(/\{\{\w+\}\}/);
    expect(good.propensity).toBeCloseTo(1 / 3, 12);
    expect(good.degraded).toBe(false);
    const { generationId } = good;
    const run = { generationId, model: "some-model", costUsd: 0 };
    const { status } = await served.client.recordGeneration(run);
    expect(status).toBe(RecordGenerationStatus.RECORDED);
    const variantId = good.variant?.variantId ?? "";
    await report(generationId, 10, 0);
    const after = await armOf(codeType, variantId);
    expect(after.mean).toBeGreaterThan(0.5);
    expect(after.generations).toBe(1n);
    for (const arm of (await allocationOf(codeType)).arms) {
      expect(arm.variantId === variantId).toBe(arm.share > 1 / 3);
    }
    await report(generationId, 0, 10);
    expect((await armOf(codeType, variantId)).mean).toBeLessThan(0.5);
  });

  it("counts one generation once: duplicates change nothing, newer values replace, older ones do not", async () => {
    const codeType = freshCodeType();
    const { generationId, variant } = await select(codeType);
    const variantId = variant?.variantId ?? "";
    const record = (outcomeId: string, seconds: number, passed: number) => {
      const occurredAt = { seconds: BigInt(1_700_000_000 + seconds) };
      return report(generationId, passed, 10 - passed, { outcomeId, occurredAt });
    };
    expect(await record("first", 10, 4)).toBe(OutcomeStatus.APPLIED);
    const once = await armOf(codeType, variantId);
    expect(await record("first", 10, 4)).toBe(OutcomeStatus.DUPLICATE);
    expect(await armOf(codeType, variantId)).toEqual(once);
    expect(await record("older", 5, 9)).toBe(OutcomeStatus.SUPERSEDED);
    expect(await armOf(codeType, variantId)).toEqual(once);
    expect(await record("newer", 20, 8)).toBe(OutcomeStatus.REPLACED);
    const replaced = await armOf(codeType, variantId);
    expect(replaced.effectiveWeight).toBeCloseTo(once.effectiveWeight, 12);
    expect(replaced.effectiveReward / once.effectiveReward).toBeCloseTo(2, 9);
  });

  it("answers a repeated generation id with the same decision, whatever was learned in between", async () => {
    const codeType = freshCodeType();
    const first = await select(codeType);
    for (let round = 0; round < 20; round += 1) {
      const { generationId } = await select(codeType);
      await report(generationId, round % 3, 2);
    }
    const { client } = served;
    const request = { agentType, codeType, generationId: first.generationId };
    const again = await Promise.all([1, 2, 3].map(() => client.selectVariant(request)));
    for (const answer of again) expect(answer).toEqual(first);
    const taken = { code: "already_exists", reason: "GENERATION_ID_TAKEN" };
    const another = { ...request, codeType: "another" };
    await expect(client.selectVariant(another)).rejects.toMatchObject(taken);
  });

  it("learns from every kind of outcome, each by its own component", async () => {
    const codeType = freshCodeType();
    const built = [
      ...["test_pass_rate", "coverage", "mutation_score", "rating_coverage", "rating_quality"],
      ...["rating_relevance", "rating_overall", "user_action", "ci_passed"],
    ].map((metric) => ({ metric, weight: 0.1 }));
    const own = { metric: "readability", weight: 0.1, min: 0, max: 1 };
    await setPolicy(codeType, { reward: { components: [...built, own] } });
    const { generationId, variant } = await select(codeType);
    const variantId = variant?.variantId ?? "";
    const steps = [
      {
        outcome: {
          case: "testRun",
          value: { passed: 3, failed: 1, coverage: 0.5, mutationScore: 0.25 },
        },
        reward: 0.1 * (0.75 + 0.5 + 0.25),
        weight: 0.3,
      },
      {
        outcome: {
          case: "rating",
          value: { coverage: 1, quality: 5, relevance: 3, overall: 4, userId: "someone" },
        },
        reward: 0.1 * (0 + 1 + 0.5 + 0.75),
        weight: 0.4,
      },
      {
        outcome: { case: "action", value: { kind: UserActionKind.EDITED, editDistance: 0.2 } },
        reward: 0.1 * 0.8,
        weight: 0.1,
      },
      { outcome: { case: "ci", value: { passed: true } }, reward: 0.1, weight: 0.1 },
      {
        outcome: { case: "custom", value: { metrics: { readability: 0.3 } } },
        reward: 0.03,
        weight: 0.1,
      },
    ] as const;
    let reward = 0;
    let weight = 0;
    for (const step of steps) {
      const { status } = await served.client.recordOutcome({ generationId, outcome: step.outcome });
      expect(status).toBe(OutcomeStatus.APPLIED);
      reward += step.reward;
      weight += step.weight;
      const arm = await armOf(codeType, variantId);
      expect(arm.effectiveReward).toBeCloseTo(reward, 12);
      expect(arm.effectiveWeight).toBeCloseTo(weight, 12);
      expect(arm.generations).toBe(1n);
    }
  });

  it("takes cost and time off the reward where the policy says so, before or after the outcome", async () => {
    const codeType = freshCodeType();
    await setPolicy(codeType, { reward: { costPenaltyPerUsd: 2, latencyPenaltyPerSecond: 0.01 } });
    const run = { model: "m", costUsd: 0.1, duration: { seconds: 10n } };
    for (const reportFirst of [true, false]) {
      const { generationId, variant } = await select(codeType);
      const before = await armOf(codeType, variant?.variantId ?? "");
      if (reportFirst) await served.client.recordGeneration({ generationId, ...run });
      await report(generationId, 8, 2);
      if (!reportFirst) await served.client.recordGeneration({ generationId, ...run });
      const after = await armOf(codeType, variant?.variantId ?? "");
      expect(after.effectiveReward - before.effectiveReward).toBeCloseTo(0.8 - 0.2 - 0.1, 12);
      expect(after.effectiveWeight - before.effectiveWeight).toBeCloseTo(1, 12);
    }
  });

  it("serves each arm as often as it says: chi-square of 3,000 decisions, false alarm 1 in 10,000", async () => {
    const codeType = freshCodeType();
    for (let round = 0; round < 6; round += 1) {
      const { generationId } = await select(codeType);
      await report(generationId, round, 5 - round);
    }
    const drawn = new Map<string, number>();
    const stated = new Map<string, number>();
    for (let batch = 0; batch < 30; batch += 1) {
      const requests = Array.from({ length: 100 }, () => ({ agentType, codeType }));
      const { results } = await served.client.batchSelectVariants({ requests });
      for (const { result } of results) {
        if (result.case !== "response") throw new Error(result.value?.message);
        const id = result.value.variant?.variantId ?? "";
        drawn.set(id, (drawn.get(id) ?? 0) + 1);
        stated.set(id, result.value.propensity);
      }
    }
    let statistic = 0;
    for (const arm of (await allocationOf(codeType)).arms) {
      expect(stated.get(arm.variantId)).toBeCloseTo(arm.share, 12);
      const expected = 3_000 * arm.share;
      statistic += ((drawn.get(arm.variantId) ?? 0) - expected) ** 2 / expected;
    }
    expect(chiSquareUpperTail(statistic, 2)).toBeGreaterThan(1e-4);
  });

  it("explores by epsilon-greedy as asked, and shares ties equally", async () => {
    const codeType = freshCodeType();
    await setPolicy(codeType, {
      algorithm: { kind: { case: "epsilonGreedy", value: {} } },
      refreshInterval: { seconds: 0n },
    });
    for (const arm of (await allocationOf(codeType)).arms) expect(arm.share).toBeCloseTo(1 / 3, 12);
    const { generationId, variant } = await select(codeType);
    await report(generationId, 1, 0);
    for (const arm of (await allocationOf(codeType)).arms) {
      const best = arm.variantId === variant?.variantId;
      expect(arm.share).toBeCloseTo(best ? 0.9 + 0.1 / 3 : 0.1 / 3, 12);
    }
  });

  it("serves only what the agent can run", async () => {
    const codeType = freshCodeType();
    const { arms } = await allocationOf(codeType);
    const allowedVariantIds = arms.slice(0, 2).map((arm) => arm.variantId);
    for (let round = 0; round < 20; round += 1) {
      const request = { agentType, codeType, allowedVariantIds };
      const answer = await served.client.selectVariant(request);
      expect(allowedVariantIds).toContain(answer.variant?.variantId);
      expect(answer.propensity).toBeCloseTo(0.5, 12);
    }
  });

  it("freezes: allocations stay as they are, outcomes are stored and not learned from", async () => {
    const codeType = freshCodeType();
    const { generationId } = await select(codeType);
    await served.client.setMode({ agentType, mode: Mode.FROZEN, reason: "test" });
    try {
      const before = await allocationOf(codeType);
      expect(await report(generationId, 5, 0)).toBe(OutcomeStatus.NOT_LEARNED);
      expect((await allocationOf(codeType)).version).toBe(before.version);
      expect((await allocationOf("untouched")).mode).toBe(Mode.FROZEN);
    } finally {
      await served.client.setMode({ agentType, mode: Mode.LEARNING, reason: "test" });
    }
    expect(await report(generationId, 5, 0)).toBe(OutcomeStatus.APPLIED);
  });

  it("switches learning off everywhere: static serves the baseline, with probability 1", async () => {
    const { client } = served;
    await client.setMode({ mode: Mode.STATIC, reason: "kill switch" });
    try {
      for (const each of [agentType, "reporting"]) {
        const { agentType: record } = await client.getAgentType({ agentType: each });
        for (let round = 0; round < 10; round += 1) {
          const answer = await client.selectVariant({ agentType: each, codeType: "x" });
          expect(answer.variant?.variantId).toBe(record?.baselineVariantId);
          expect(answer.source).toBe(DecisionSource.STATIC);
          expect(answer.propensity).toBe(1);
        }
      }
      const { variants } = await client.listVariants({ agentType });
      const others = variants.filter((variant) => !variant.isBaseline);
      const allowedVariantIds = others.map((variant) => variant.variantId);
      await expect(
        client.selectVariant({ agentType, codeType: "x", allowedVariantIds }),
      ).rejects.toMatchObject({ code: "failed_precondition", reason: "BASELINE_NOT_ALLOWED" });
    } finally {
      await client.setMode({ mode: Mode.LEARNING, reason: "over" });
    }
    expect((await select("x")).source).not.toBe(DecisionSource.STATIC);
  });

  it("keeps the holdout's share on the baseline and states its whole probability", async () => {
    const codeType = freshCodeType();
    await setPolicy(codeType, { holdoutShare: 0.4 });
    let heldOut = 0;
    for (let round = 0; round < 200; round += 1) {
      const answer = await select(codeType);
      if (answer.source === DecisionSource.HOLDOUT) heldOut += 1;
      const baseline = answer.variant?.variantId === "evolution/baseline-direct@1";
      expect(answer.propensity).toBeCloseTo(baseline ? 0.4 + 0.6 / 3 : 0.6 / 3, 12);
    }
    // Binomial(200, 0.4): outside 50 to 110 less than once in 100,000 runs.
    expect(heldOut).toBeGreaterThan(50);
    expect(heldOut).toBeLessThan(110);
  });

  it("explains a decision by deriving it again from the log", async () => {
    const codeType = freshCodeType();
    const { generationId, variant } = await select(codeType);
    await report(generationId, 3, 1);
    const explanation = await served.client.explainGeneration({ generationId });
    expect(explanation.consistent).toBe(true);
    expect(explanation.rederivedVariantId).toBe(variant?.variantId);
    expect(explanation.outcomes).toHaveLength(1);
    const weight = explanation.reward?.weight ?? 0;
    expect(weight).toBeGreaterThan(0);
    expect((explanation.reward?.value ?? 0) / weight).toBeCloseTo(0.75, 12);
    const unknown = { generationId: "019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b" };
    const refused = { code: "not_found" };
    await expect(served.client.explainGeneration(unknown)).rejects.toMatchObject(refused);
  });

  it("promotes and retires: a new version joins the pool, a retired one leaves it for ever", async () => {
    const { client } = served;
    const observation = { agentType: "observation" };
    const variant = { name: "newcomer", promptTemplate: "Look at {{logs}}." };
    const created = await client.createVariant({ ...observation, variant });
    const variantId = created.variant?.variantId ?? "";
    expect(variantId).toBe("observation/newcomer@1");
    const armIds = async () => {
      const { allocation } = await client.getAllocation({ ...observation, codeType: "x" });
      return allocation?.arms.map((arm) => arm.variantId) ?? [];
    };
    expect(await armIds()).not.toContain(variantId);
    await client.promoteVariant({ variantId, makeBaseline: true });
    expect(await armIds()).toContain(variantId);
    const { agentType: record } = await client.getAgentType(observation);
    expect(record?.baselineVariantId).toBe(variantId);
    const refused = { code: "failed_precondition", reason: "VARIANT_IS_BASELINE" };
    await expect(client.retireVariant({ variantId })).rejects.toMatchObject(refused);
    const { variants } = await client.listVariants(observation);
    const other = variants.find((each) => each.variantId !== variantId);
    await client.promoteVariant({ variantId: other?.variantId ?? "", makeBaseline: true });
    await client.retireVariant({ variantId });
    expect(await armIds()).not.toContain(variantId);
    const retired = { code: "failed_precondition", reason: "VARIANT_RETIRED" };
    await expect(client.promoteVariant({ variantId })).rejects.toMatchObject(retired);
  });

  it("logs everything acknowledged exactly once, and the views add it up", async () => {
    const codeType = freshCodeType();
    const { client } = served;
    const generations = 120;
    for (let round = 0; round < generations; round += 1) {
      const { generationId } = await select(codeType);
      await client.recordGeneration({ generationId, model: "m", costUsd: 0.01 });
      const outcome = { outcomeId: `run-${round}`, generationId, outcome: testRun(round % 5, 4) };
      await client.recordOutcome(outcome);
      await client.recordOutcome(outcome);
    }
    const { rows } = await client.query({
      sql: `SELECT count(), countIf(reported = 1), uniqExact(generation_id)
            FROM generation_full WHERE code_type = '${codeType}'`,
      fresh: true,
    });
    const numbers = (rows[0]?.values ?? []).map((value) => Number(value.kind.value));
    expect(numbers).toEqual([generations, generations, generations]);
    const outcomes = await client.query({
      sql: `SELECT count() FROM outcomes FINAL WHERE code_type = '${codeType}'`,
    });
    expect(Number(outcomes.rows[0]?.values[0]?.kind.value)).toBe(generations);
  });

  it("knows everything after a restart", async () => {
    const codeType = freshCodeType();
    const { generationId, variant } = await select(codeType);
    const other = await select(codeType);
    await report(generationId, 9, 1, { outcomeId: "a" });
    const before = await allocationOf(codeType);
    await served.restart();
    const after = await allocationOf(codeType);
    expect(after.arms).toEqual(before.arms);
    expect(after.version).toBe(before.version);
    const repeated = await report(generationId, 9, 1, { outcomeId: "a" });
    expect(repeated).toBe(OutcomeStatus.DUPLICATE);
    const again = await served.client.selectVariant({ agentType, codeType, generationId });
    expect(again.variant).toEqual(variant);
    expect(await report(other.generationId, 1, 0)).toBe(OutcomeStatus.APPLIED);
  });
});
