import type { Message } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ArmBelief } from "../../../src/bandit/arm-posterior.ts";
import { type BanditClient, ClientError } from "../../../src/client/index.ts";
import { algorithmsWithDefaults } from "../../support/algorithms-with-defaults.ts";
import { LearningAgent } from "../../support/learning-agent.ts";
import { engineSets, openSite, type Replica, type Site } from "../../support/site.ts";

const kinds = Object.keys(algorithmsWithDefaults) as (keyof typeof algorithmsWithDefaults)[];
const beliefOf = (kind: string): ArmBelief["kind"] =>
  (({ gaussian_thompson: "normal_inverse_gamma", linear_thompson: "linear" }) as const)[kind] ??
  "beta";

describe.each(engineSets)("every algorithm on %s engines", (set) => {
  let site: Site;
  let replica: Replica;
  beforeAll(async () => {
    site = await openSite(set);
    replica = await site.open();
  });
  afterAll(() => site.remove());

  it.each(kinds)(
    "%s learns, states what it believes, and draws from what it states",
    async (kind) => {
      const agent = await new LearningAgent({
        service: replica.service,
        name: kind,
        policy: { algorithm: algorithmsWithDefaults[kind], minimumShare: 0.05, holdoutShare: 0.1 },
      }).create(["a", "b", "c"]);
      const features = { x: 0.5 };
      const stated: (readonly number[])[] = [];
      for (let round = 0; round < 40; round += 1) {
        const { arms, algorithm } = await agent.allocation("c", features);
        expect(algorithm.kind).toBe(kind);
        expect(arms.reduce((sum, arm) => sum + arm.share, 0)).toBeCloseTo(1, 12);
        expect(arms.reduce((sum, arm) => sum + arm.bestProbability, 0)).toBeCloseTo(1, 9);
        for (const arm of arms) {
          expect(arm.belief.kind).toBe(beliefOf(kind));
          // The floor of the 90 % that are not held out.
          expect(arm.share).toBeGreaterThanOrEqual(0.9 * 0.05 - 1e-12);
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
      WHERE agent_type = '${kind}' ORDER BY decided_at`);
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
  let site: Site;
  let client: BanditClient;
  const agentType = "evolution";
  type PolicyMessage = Exclude<
    NonNullable<Parameters<BanditClient["setPolicy"]>[0]["policy"]>,
    Message
  >;
  type Kind = NonNullable<Exclude<NonNullable<PolicyMessage["algorithm"]>, Message>["kind"]>;
  const set = (kind: Kind, changes: Partial<PolicyMessage> = {}) =>
    client.setPolicy({
      agentType,
      policy: {
        algorithm: { kind },
        reward: { components: [{ metric: "coverage", weight: 1 }] },
        ...changes,
      },
    });
  const thompson: Kind = { case: "thompsonSampling", value: {} };
  const linear = (value: object): Kind => ({
    case: "linearThompson",
    value: { features: [{ name: "x" }], ...value },
  });

  beforeAll(async () => {
    site = await openSite("embedded");
    client = (await site.serve()).client;
  });
  afterAll(() => site.remove());

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
      kind: linear({}),
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
      const { record } = await client.getPolicy({ agentType });
      expect(record?.policy?.algorithm?.kind).toMatchObject({ case: kind.case, value: filledIn });
      const { allocation } = await client.getAllocation({
        agentType,
        codeType: "c",
        features: { x: 1 },
      });
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
      const { propensity } = await client.selectVariant({
        agentType,
        codeType: "c",
        features: { x: 1 },
      });
      expect(propensity).toBeCloseTo(1 / 3, 9);
    },
  );

  const bad: readonly [string, Kind, Partial<PolicyMessage>, string][] = [
    [
      "epsilon NaN",
      { case: "epsilonGreedy", value: { epsilon: Number.NaN } },
      {},
      "algorithm.epsilon_greedy.epsilon",
    ],
    [
      "a negative decay",
      { case: "epsilonGreedy", value: { decayHalfLifeGenerations: -1 } },
      {},
      "algorithm.epsilon_greedy.decay_half_life_generations",
    ],
    [
      "an infinite prior mean",
      { case: "gaussianThompson", value: { priorMean: Infinity } },
      {},
      "algorithm.gaussian_thompson.prior_mean",
    ],
    [
      "a prior mean of 10^7",
      { case: "gaussianThompson", value: { priorMean: 1e7 } },
      {},
      "algorithm.gaussian_thompson.prior_mean",
    ],
    [
      "a prior without strength",
      { case: "gaussianThompson", value: { priorStrength: 0 } },
      {},
      "algorithm.gaussian_thompson.prior_strength",
    ],
    [
      "a shape below 0.5",
      { case: "gaussianThompson", value: { priorShape: 0.4 } },
      {},
      "algorithm.gaussian_thompson.prior_shape",
    ],
    [
      "a scale of 0",
      { case: "gaussianThompson", value: { priorScale: 0 } },
      {},
      "algorithm.gaussian_thompson.prior_scale",
    ],
    [
      "UCB1 with c < 0",
      { case: "ucb1", value: { exploration: -1 } },
      {},
      "algorithm.ucb1.exploration",
    ],
    [
      "KL-UCB with c NaN",
      { case: "klUcb", value: { exploration: Number.NaN } },
      {},
      "algorithm.kl_ucb.exploration",
    ],
    [
      "a temperature of 0",
      { case: "softmax", value: { temperature: 0 } },
      {},
      "algorithm.softmax.temperature",
    ],
    [
      "a leader without a share",
      { case: "topTwoThompson", value: { leaderShare: 0 } },
      {},
      "algorithm.top_two_thompson.leader_share",
    ],
    ["no feature", linear({ features: [] }), {}, "algorithm.linear_thompson.features"],
    [
      "17 features",
      linear({ features: Array.from({ length: 17 }, (_, at) => ({ name: `x${at}` })) }),
      {},
      "algorithm.linear_thompson.features",
    ],
    [
      "two features of one name",
      linear({ features: [{ name: "x" }, { name: "x" }] }),
      {},
      "algorithm.linear_thompson.features[1].name",
    ],
    [
      "a feature without a name",
      linear({ features: [{ name: "" }] }),
      {},
      "algorithm.linear_thompson.features[0].name",
    ],
    [
      "a feature with scale 0",
      linear({ features: [{ name: "x", scale: 0 }] }),
      {},
      "algorithm.linear_thompson.features[0].scale",
    ],
    [
      "a feature with mean NaN",
      linear({ features: [{ name: "x", mean: Number.NaN }] }),
      {},
      "algorithm.linear_thompson.features[0].mean",
    ],
    [
      "a prior variance of 0",
      linear({ priorVariance: 0 }),
      {},
      "algorithm.linear_thompson.prior_variance",
    ],
    [
      "no noise",
      linear({ noiseStandardDeviation: 0 }),
      {},
      "algorithm.linear_thompson.noise_standard_deviation",
    ],
    [
      "a half-life below a second",
      thompson,
      { forgettingHalfLife: { nanos: 500_000_000 } },
      "forgetting_half_life",
    ],
    [
      "a half-life of 11 years",
      thompson,
      { forgettingHalfLife: { seconds: 346_896_000n } },
      "forgetting_half_life",
    ],
    ["a default reward above 1", thompson, { defaultReward: 1.5 }, "default_reward"],
    ["a default reward NaN", thompson, { defaultReward: Number.NaN }, "default_reward"],
    [
      "priors shared without end",
      thompson,
      { sharedPriorStrengthMax: Infinity },
      "shared_prior_strength_max",
    ],
    ["a negative strength", thompson, { sharedPriorStrengthMax: -1 }, "shared_prior_strength_max"],
    [
      "a tolerance above 1",
      thompson,
      { changeDetection: { tolerance: 2 } },
      "change_detection.tolerance",
    ],
    [
      "a threshold NaN",
      thompson,
      { changeDetection: { threshold: Number.NaN } },
      "change_detection.threshold",
    ],
    [
      "unbounded rewards with a Beta posterior",
      thompson,
      { reward: { components: [{ metric: "score", weight: 1, min: 0, max: 1, unbounded: true }] } },
      "reward.components[0].unbounded",
    ],
    [
      "the default's own name as a metric",
      thompson,
      { reward: { components: [{ metric: "default_reward", weight: 1, min: 0, max: 1 }] } },
      "reward.components[0].metric",
    ],
  ];
  it.each(bad)("refuses %s, and nothing changes", async (_, kind, changes, field) => {
    const before = await client.getPolicy({ agentType });
    const refusal: unknown = await set(kind, changes).catch((error: unknown) => error);
    if (!(refusal instanceof ClientError)) throw new Error("not refused");
    expect(refusal.code).toBe("invalid_argument");
    // A number that is none may break several rules of its field.
    const fields = new Set(refusal.violations.map((violation) => violation.field));
    expect([...fields]).toEqual([`policy.${field}`]);
    expect(await client.getPolicy({ agentType })).toEqual(before);
  });

  it("refuses features that are no numbers, naming them", async () => {
    const features = { x: Number.POSITIVE_INFINITY };
    const request = { agentType, codeType: "c", features };
    const refusal = { code: "invalid_argument", violations: [{ field: 'features["x"]' }] };
    await expect(client.selectVariant(request)).rejects.toMatchObject(refusal);
    await expect(client.getAllocation(request)).rejects.toMatchObject(refusal);
  });
});
