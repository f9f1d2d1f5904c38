import { BanditError } from "../../domain/errors.ts";
import type {
  Algorithm,
  ChangeDetection,
  LinearFeature,
  Policy,
  RewardComponent,
  RewardSpec,
} from "../../domain/policy.ts";

/**
 * What a policy means that was stored before one of its fields existed. A field that is there but of
 * the wrong kind is refused: guessing would change what is served.
 */
const whenAbsent = {
  minimumShare: 0,
  holdoutShare: 0,
  priorAlpha: 1,
  priorBeta: 1,
  refreshIntervalMs: 50,
  attributionWindowSeconds: 86_400,
  costPenaltyPerUsd: 0,
  latencyPenaltyPerSecond: 0,
  forgettingHalfLifeSeconds: 0,
  sharedPriorStrengthMax: 0,
};
const changeDetectionWhenAbsent = { tolerance: 0.03, threshold: 0 };

type JsonObject = Readonly<Record<string, unknown>>;

/** Reads the column `policy.policy`. @throws internal when somebody wrote something else into it */
export function parseStoredPolicy(stored: unknown): Policy {
  const json = objectOf(stored, "policy");
  const number = (field: keyof typeof whenAbsent): number =>
    numberOf(json[field] ?? whenAbsent[field], field);
  return {
    algorithm: parseAlgorithm(json["algorithm"]),
    reward: parseReward(json["reward"]),
    minimumShare: number("minimumShare"),
    holdoutShare: number("holdoutShare"),
    priorAlpha: number("priorAlpha"),
    priorBeta: number("priorBeta"),
    refreshIntervalMs: number("refreshIntervalMs"),
    attributionWindowSeconds: number("attributionWindowSeconds"),
    learnFromLateOutcomes: booleanOf(
      json["learnFromLateOutcomes"] ?? false,
      "learnFromLateOutcomes",
    ),
    forgettingHalfLifeSeconds: number("forgettingHalfLifeSeconds"),
    ...(json["defaultReward"] === undefined
      ? {}
      : { defaultReward: numberOf(json["defaultReward"], "defaultReward") }),
    sharedPriorStrengthMax: number("sharedPriorStrengthMax"),
    changeDetection: parseChangeDetection(json["changeDetection"] ?? changeDetectionWhenAbsent),
  };
}

function parseChangeDetection(stored: unknown): ChangeDetection {
  const json = objectOf(stored, "changeDetection");
  return {
    tolerance: numberOf(json["tolerance"], "changeDetection.tolerance"),
    threshold: numberOf(json["threshold"], "changeDetection.threshold"),
  };
}

function parseAlgorithm(stored: unknown): Algorithm {
  const json = objectOf(stored, "algorithm");
  const number = (field: string): number => numberOf(json[field], `algorithm.${field}`);
  const kind = json["kind"];
  switch (kind) {
    case "thompson_sampling":
      return { kind };
    case "epsilon_greedy":
      return {
        kind,
        epsilon: number("epsilon"),
        decayHalfLifeGenerations: numberOf(
          json["decayHalfLifeGenerations"] ?? 0,
          "algorithm.decayHalfLifeGenerations",
        ),
      };
    case "gaussian_thompson":
      return {
        kind,
        priorMean: number("priorMean"),
        priorStrength: number("priorStrength"),
        priorShape: number("priorShape"),
        priorScale: number("priorScale"),
      };
    case "ucb1":
    case "kl_ucb":
      return { kind, exploration: number("exploration") };
    case "softmax":
      return { kind, temperature: number("temperature") };
    case "top_two_thompson":
      return { kind, leaderShare: number("leaderShare") };
    case "linear_thompson":
      return {
        kind,
        features: parseFeatures(json["features"]),
        priorVariance: number("priorVariance"),
        noiseStandardDeviation: number("noiseStandardDeviation"),
      };
    default:
      throw unreadable("algorithm.kind");
  }
}

function parseFeatures(stored: unknown): LinearFeature[] {
  if (!Array.isArray(stored) || stored.length === 0) throw unreadable("algorithm.features");
  return stored.map((feature: unknown) => {
    const json = objectOf(feature, "algorithm.features");
    const name = json["name"];
    if (typeof name !== "string" || name === "") throw unreadable("algorithm.features.name");
    return {
      name,
      mean: numberOf(json["mean"], "algorithm.features.mean"),
      scale: numberOf(json["scale"], "algorithm.features.scale"),
    };
  });
}

function parseReward(stored: unknown): RewardSpec {
  const json = objectOf(stored, "reward");
  const components = json["components"];
  if (!Array.isArray(components) || components.length === 0) throw unreadable("reward.components");
  return {
    components: components.map(parseComponent),
    costPenaltyPerUsd: numberOf(
      json["costPenaltyPerUsd"] ?? whenAbsent.costPenaltyPerUsd,
      "costPenaltyPerUsd",
    ),
    latencyPenaltyPerSecond: numberOf(
      json["latencyPenaltyPerSecond"] ?? whenAbsent.latencyPenaltyPerSecond,
      "latencyPenaltyPerSecond",
    ),
  };
}

function parseComponent(stored: unknown): RewardComponent {
  const json = objectOf(stored, "reward.components");
  const { metric } = json as { metric?: unknown };
  if (typeof metric !== "string" || metric === "") throw unreadable("metric");
  return {
    metric,
    weight: numberOf(json["weight"], "weight"),
    min: numberOf(json["min"], "min"),
    max: numberOf(json["max"], "max"),
    lowerIsBetter: booleanOf(json["lowerIsBetter"] ?? false, "lowerIsBetter"),
    unbounded: booleanOf(json["unbounded"] ?? false, "unbounded"),
  };
}

function objectOf(stored: unknown, field: string): JsonObject {
  if (typeof stored !== "object" || stored === null || Array.isArray(stored)) {
    throw unreadable(field);
  }
  return stored as JsonObject;
}

function numberOf(stored: unknown, field: string): number {
  if (typeof stored !== "number" || !Number.isFinite(stored)) throw unreadable(field);
  return stored;
}

function booleanOf(stored: unknown, field: string): boolean {
  if (typeof stored !== "boolean") throw unreadable(field);
  return stored;
}

function unreadable(field: string): BanditError {
  return new BanditError("internal", `a stored policy has an unreadable field: ${field}`, {
    reason: "STORED_POLICY_UNREADABLE",
    metadata: { field },
  });
}
