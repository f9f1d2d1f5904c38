import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { posterior } from "../../../src/bandit/posterior.ts";
import { generationContributions, outcomeContributions } from "../../../src/bandit/reward.ts";
import { generationTotals, zeroTotals } from "../../../src/domain/contribution.ts";
import type { RewardSpec } from "../../../src/domain/policy.ts";
import { rewardComponent } from "../../support/catalogue-samples.ts";
import { forAll } from "../../support/for-all.ts";

const spec: RewardSpec = {
  components: ["m0", "m1", "m2", "m3"].map((metric, index) =>
    rewardComponent(metric, 0.25, { min: -1, max: 2, lowerIsBetter: index % 2 === 1 }),
  ),
  costPenaltyPerUsd: 0.5,
  latencyPenaltyPerSecond: 0.1,
};

const anyNumber = fc.double({ min: -1e9, max: 1e9, noNaN: false });
const metrics = fc.dictionary(fc.constantFrom("m0", "m1", "m2", "m3", "other"), anyNumber);

describe("contributions", () => {
  it("keep a generation's reward between 0 and its weight, and the weight at most 1", async () => {
    const amount = fc.double({ min: 0, max: 1e300, noNaN: true });
    await forAll([metrics, amount, amount], (values, costUsd, durationMs) => {
      const { reward, weight } = generationTotals([
        ...outcomeContributions(spec, values),
        ...generationContributions(spec, { costUsd, durationMs }),
      ]);
      expect(reward).toBeGreaterThanOrEqual(0);
      expect(reward).toBeLessThanOrEqual(weight);
      expect(weight).toBeLessThanOrEqual(1);
    });
  });

  it("move a posterior by exactly its totals while they are moderate", () =>
    forAll([fc.nat(1e6), fc.nat(1e6)], (reward, missed) => {
      const totals = { ...zeroTotals, reward, weight: reward + missed, generations: 1 };
      const prior = { alpha: 0.75, beta: 2 };
      expect(posterior(prior, totals)).toEqual({ alpha: 0.75 + reward, beta: 2 + missed });
    }));
});
