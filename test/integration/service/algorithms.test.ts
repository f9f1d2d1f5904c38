import type { Message } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import type { ArmBelief } from "../../../src/bandit/arm-posterior.ts";
import { type BanditClient, ClientError } from "../../../src/client/index.ts";
import { algorithmsWithDefaults } from "../../support/algorithms-with-defaults.ts";
import { engineSets } from "../../support/site.ts";
import { useReplica, useServed } from "../../support/use-site.ts";

const kinds = Object.keys(algorithmsWithDefaults) as (keyof typeof algorithmsWithDefaults)[];
const beliefOf = (kind: string): ArmBelief["kind"] =>
  (({ gaussian_thompson: "normal_inverse_gamma", linear_thompson: "linear" }) as const)[kind] ??
  "beta";

const many = (count: number) => Array.from({ length: count }, (_, at) => ({ name: `x${at}` }));
const snakeCase = (name: string) => name.replaceAll(/[A-Z]/g, (big) => `_${big.toLowerCase()}`);

describe.each(engineSets)("every algorithm on %s engines", (set) => {
  const site = useReplica(set);

  it.each(kinds)(
    "%s learns, states what it believes, and draws from what it states",
    async (kind) => {
      const algorithm = algorithmsWithDefaults[kind];
      const policy = { algorithm, explorationShare: 0.05, holdoutShare: 0.1 };
      const agent = await site.agent(policy, ["a", "b", "c"]);
      const features = { x: 0.5 };
      const stated: (readonly number[])[] = [];
      for (let round = 0; round < 40; round += 1) {
        const { arms, algorithm } = await agent.allocation("c", features);
        expect(algorithm.kind).toBe(kind);
        expect(arms.reduce((sum, arm) => sum + arm.share, 0)).toBeCloseTo(1, 12);
        expect(arms.reduce((sum, arm) => sum + arm.bestProbability, 0)).toBeCloseTo(1, 9);
        for (const arm of arms) {
          expect(arm.belief.kind).toBe(beliefOf(kind));
          // A third of the budget of the 90 % that are not held out, whole up to 50 outcomes.
          expect(arm.share).toBeGreaterThanOrEqual((0.9 * 0.05) / 3 - 1e-12);
          expect(arm.mean).toBeGreaterThan(arm.intervalLow);
          expect(arm.mean).toBeLessThan(arm.intervalHigh);
        }
        stated.push(arms.map((arm) => arm.share));
        const decision = await agent.decide("c", { features });
        const { name } = decision.variant;
        expect(decision.propensity).toBe(arms.find((arm) => arm.name === name)?.share);
        await agent.report(decision, name === "c" ? 0.9 : 0.2);
        site.clock.timeMs += 1_000;
      }
      const rows = await agent.rows(`SELECT arm_variant_ids, arm_probabilities FROM decisions FINAL
      WHERE agent_type = '${agent.agentType}' ORDER BY decided_at`);
      expect(rows).toEqual(
        stated.map((shares) => [["a", "b", "c"].map((name) => agent.variantId(name)), shares]),
      );
      const { arms } = await agent.allocation("c", features);
      const best = arms.toSorted((one, other) => other.mean - one.mean)[0];
      expect(best?.name).toBe("c");
      expect(best?.generations).toBeGreaterThan(0);
    },
  );
});

describe("policies over gRPC", () => {
  const served = useServed();
  const agentType = "evolution";
  const request = { agentType, codeType: "c", features: { x: 1 } };
  type PolicyMessage = Exclude<
    NonNullable<Parameters<BanditClient["setPolicy"]>[0]["policy"]>,
    Message
  >;
  type Kind = NonNullable<Exclude<NonNullable<PolicyMessage["algorithm"]>, Message>["kind"]>;
  const set = (kind: Kind, changes: Partial<PolicyMessage> = {}) =>
    served.client.setPolicy({
      agentType,
      policy: {
        algorithm: { kind },
        reward: { components: [{ metric: "coverage", weight: 1 }] },
        ...changes,
      },
    });
  const thompson: Kind = { case: "thompsonSampling", value: {} };
  const features = [{ name: "x" }];

  it.each<{ kind: Kind; filledIn: object }>([
    { kind: thompson, filledIn: {} },
    { kind: { case: "epsilonGreedy", value: {} }, filledIn: { epsilon: 0.1 } },
    {
      kind: { case: "gaussianThompson", value: {} },
      filledIn: { priorMean: 0.5, priorStrength: 1, priorShape: 1, priorScale: 0.25 },
    },
    { kind: { case: "ucb1", value: {} }, filledIn: { exploration: 2 } },
    { kind: { case: "klUcb", value: {} }, filledIn: { exploration: 0 } },
    { kind: { case: "softmax", value: {} }, filledIn: { temperature: 0.05 } },
    { kind: { case: "topTwoThompson", value: {} }, filledIn: { leaderShare: 0.5 } },
    {
      kind: { case: "linearThompson", value: { features } },
      filledIn: {
        features: [{ name: "x", mean: 0, scale: 1 }],
        priorVariance: 1,
        noiseStandardDeviation: 0.5,
      },
    },
  ])(
    "$kind.case is set with its defaults and tells its kind of belief",
    async ({ kind, filledIn }) => {
      await set(kind);
      const { client } = served;
      const { record } = await client.getPolicy({ agentType });
      expect(record?.policy?.algorithm?.kind).toMatchObject({ case: kind.case, value: filledIn });
      const { allocation } = await client.getAllocation(request);
      expect(allocation?.algorithm?.kind.case).toBe(kind.case);
      expect(allocation?.arms).toHaveLength(3);
      for (const arm of allocation?.arms ?? []) {
        const isBeta = kind.case !== "gaussianThompson" && kind.case !== "linearThompson";
        expect([arm.alpha, arm.beta]).toEqual(isBeta ? [1, 1] : [0, 0]);
        expect(arm.normalInverseGamma !== undefined).toBe(kind.case === "gaussianThompson");
        expect(arm.linear?.coefficients).toEqual(
          kind.case === "linearThompson" ? [0.5, 0] : undefined,
        );
        expect(arm.mean).toBeCloseTo(0.5, 12);
      }
      const { propensity } = await client.selectVariant(request);
      expect(propensity).toBeCloseTo(1 / 3, 9);
    },
  );

  it.each<[what: string, algorithm: Kind["case"], value: object, field: string]>([
    ["epsilon NaN", "epsilonGreedy", { epsilon: Number.NaN }, "epsilon"],
    [
      "a negative decay",
      "epsilonGreedy",
      { decayHalfLifeGenerations: -1 },
      "decay_half_life_generations",
    ],
    ["an infinite prior mean", "gaussianThompson", { priorMean: Infinity }, "prior_mean"],
    ["a prior mean of 10^7", "gaussianThompson", { priorMean: 1e7 }, "prior_mean"],
    ["a prior without strength", "gaussianThompson", { priorStrength: 0 }, "prior_strength"],
    ["a shape below 0.5", "gaussianThompson", { priorShape: 0.4 }, "prior_shape"],
    ["a scale of 0", "gaussianThompson", { priorScale: 0 }, "prior_scale"],
    ["c < 0", "ucb1", { exploration: -1 }, "exploration"],
    ["c NaN", "klUcb", { exploration: Number.NaN }, "exploration"],
    ["a temperature of 0", "softmax", { temperature: 0 }, "temperature"],
    ["a leader without a share", "topTwoThompson", { leaderShare: 0 }, "leader_share"],
    ["no feature", "linearThompson", { features: [] }, "features"],
    ["17 features", "linearThompson", { features: many(17) }, "features"],
    ["a name twice", "linearThompson", { features: [...many(1), ...many(1)] }, "features[1].name"],
    ["no name", "linearThompson", { features: [{ name: "" }] }, "features[0].name"],
    [
      "a scale of 0",
      "linearThompson",
      { features: [{ name: "x", scale: 0 }] },
      "features[0].scale",
    ],
    ["a mean NaN", "linearThompson", { features: [{ name: "x", mean: NaN }] }, "features[0].mean"],
    ["a variance of 0", "linearThompson", { features, priorVariance: 0 }, "prior_variance"],
    [
      "no noise",
      "linearThompson",
      { features, noiseStandardDeviation: 0 },
      "noise_standard_deviation",
    ],
  ])("refuses %s of %s, and nothing changes", async (_, algorithm, value, field) => {
    const kind = { case: algorithm, value } as Kind;
    await expectRefused(`algorithm.${snakeCase(algorithm as string)}.${field}`, kind);
  });

  it.each<[what: string, changes: Partial<PolicyMessage>, field: string]>([
    [
      "a half-life below a second",
      { forgettingHalfLife: { nanos: 500_000_000 } },
      "forgetting_half_life",
    ],
    [
      "a half-life of 11 years",
      { forgettingHalfLife: { seconds: 346_896_000n } },
      "forgetting_half_life",
    ],
    ["a default reward above 1", { defaultReward: 1.5 }, "default_reward"],
    ["a default reward NaN", { defaultReward: Number.NaN }, "default_reward"],
    [
      "priors shared without end",
      { sharedPriorStrengthMax: Infinity },
      "shared_prior_strength_max",
    ],
    ["a negative strength", { sharedPriorStrengthMax: -1 }, "shared_prior_strength_max"],
    ["a tolerance above 1", { changeDetection: { tolerance: 2 } }, "change_detection.tolerance"],
    ["a threshold NaN", { changeDetection: { threshold: NaN } }, "change_detection.threshold"],
    [
      "unbounded rewards with a Beta posterior",
      { reward: { components: [{ metric: "score", weight: 1, min: 0, max: 1, unbounded: true }] } },
      "reward.components[0].unbounded",
    ],
    [
      "the default's own name as a metric",
      { reward: { components: [{ metric: "default_reward", weight: 1, min: 0, max: 1 }] } },
      "reward.components[0].metric",
    ],
  ])("refuses %s, and nothing changes", (_, changes, field) =>
    expectRefused(field, thompson, changes),
  );

  async function expectRefused(field: string, kind: Kind, changes?: Partial<PolicyMessage>) {
    const { client } = served;
    const before = await client.getPolicy({ agentType });
    const refusal: unknown = await set(kind, changes).catch((error: unknown) => error);
    if (!(refusal instanceof ClientError)) throw new Error("not refused");
    expect(refusal.code).toBe("invalid_argument");
    // A number that is none may break several rules of its field.
    const fields = new Set(refusal.violations.map((violation) => violation.field));
    expect([...fields]).toEqual([`policy.${field}`]);
    expect(await client.getPolicy({ agentType })).toEqual(before);
  }

  it("refuses features that are no numbers, naming them", async () => {
    const infinite = { ...request, features: { x: Number.POSITIVE_INFINITY } };
    const refusal = { code: "invalid_argument", violations: [{ field: 'features["x"]' }] };
    await expect(served.client.selectVariant(infinite)).rejects.toMatchObject(refusal);
    await expect(served.client.getAllocation(infinite)).rejects.toMatchObject(refusal);
  });
});
