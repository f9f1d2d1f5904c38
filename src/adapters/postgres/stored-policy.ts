import { BanditError } from "../../domain/errors.ts";
import type { Algorithm, Policy, RewardComponent, RewardSpec } from "../../domain/policy.ts";

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
};

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
  };
}

function parseAlgorithm(stored: unknown): Algorithm {
  const json = objectOf(stored, "algorithm");
  switch (json["kind"]) {
    case "thompson_sampling":
      return { kind: "thompson_sampling" };
    case "epsilon_greedy":
      return {
        kind: "epsilon_greedy",
        epsilon: numberOf(json["epsilon"], "epsilon"),
        decayHalfLifeGenerations: numberOf(
          json["decayHalfLifeGenerations"] ?? 0,
          "decayHalfLifeGenerations",
        ),
      };
    default:
      throw unreadable("algorithm.kind");
  }
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
