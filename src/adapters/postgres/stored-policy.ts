import { z } from "zod";
import { BanditError } from "../../domain/errors.ts";
import type { Policy } from "../../domain/policy.ts";
import { type AlgorithmParameter, algorithmParameters } from "../../domain/policy-defaults.ts";

const component = z.object({
  metric: z.string().min(1),
  weight: z.number(),
  min: z.number(),
  max: z.number(),
  lowerIsBetter: z.boolean(),
  unbounded: z.boolean(),
});
const features = z.array(
  z.object({ name: z.string().min(1), mean: z.number(), scale: z.number() }),
);
const kinds = Object.entries(algorithmParameters).map(([kind, parameters]) =>
  z.object({
    kind: z.literal(kind),
    ...numbers(parameters),
    ...(kind === "linear_thompson" ? { features: features.min(1) } : {}),
  }),
);

/** The column `policy.policy` holds a {@link Policy} as JSON. */
const storedPolicy = z.object({
  algorithm: z.discriminatedUnion("kind", kinds as [(typeof kinds)[number]]),
  reward: z.object({
    components: z.array(component).min(1),
    costPenaltyPerUsd: z.number(),
    latencyPenaltyPerSecond: z.number(),
  }),
  explorationShare: z.number(),
  holdoutShare: z.number(),
  priorAlpha: z.number(),
  priorBeta: z.number(),
  refreshIntervalMs: z.number(),
  attributionWindowSeconds: z.number(),
  learnFromLateOutcomes: z.boolean(),
  forgettingHalfLifeSeconds: z.number(),
  defaultReward: z.number().optional(),
  sharedPriorStrengthMax: z.number(),
  changeDetection: z.object({ tolerance: z.number(), threshold: z.number() }),
}) satisfies z.ZodType<Omit<Policy, "algorithm" | "defaultReward">>;

/**
 * Reads the column `policy.policy`; fields that nobody knows are left out.
 * @throws internal when somebody wrote something else into it: guessing would change what is served
 */
export function parseStoredPolicy(stored: unknown): Policy {
  const { data, error } = storedPolicy.safeParse(stored);
  if (data !== undefined) return data as Policy; // the algorithms are those of the table
  const field = error.issues[0]?.path.join(".") || "policy";
  throw new BanditError("internal", `a stored policy has an unreadable field: ${field}`, {
    reason: "STORED_POLICY_UNREADABLE",
    metadata: { field },
  });
}

function numbers(parameters: Readonly<Record<string, AlgorithmParameter>>): z.ZodRawShape {
  return Object.fromEntries(Object.keys(parameters).map((name) => [name, z.number()]));
}
