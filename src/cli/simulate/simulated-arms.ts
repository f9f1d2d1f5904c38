import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  type BanditClient,
  ClientError,
  type Policy,
  type PolicySchema,
  type Variant,
  VariantStatus,
} from "../../client/index.ts";
import { badInput } from "../exit-code.ts";
import { listAllVariants } from "../list-variants.ts";
import type { ArmOption } from "./arm-option.ts";

/** Names of the custom metrics a simulation reports. */
export const outcomeMetric = "outcome";
export const costMetric = "arm_cost";

const attributionWindowMs = 24 * 3600 * 1000;

/** The arms of a simulation as the service knows them, in the options' order. */
export interface SimulatedArms {
  readonly variantIds: readonly string[];
  /** True when the agent type has other active variants, which must not be served. */
  readonly others: boolean;
  /** What the user should know about an agent type that was there before. */
  readonly warnings: readonly string[];
}

/** What an agent type is created with when it is not there. */
interface SimulatedAgentType {
  readonly agentType: string;
  readonly arms: readonly ArmOption[];
  readonly costWeight: number;
  readonly sharedPriorStrengthMax: number;
}

/**
 * Finds the arms, or creates the agent type with them if it is not there.
 * @throws CliError usage when the agent type is there without an arm, or would learn nothing.
 */
export async function prepareArms(
  client: BanditClient,
  options: SimulatedAgentType,
): Promise<SimulatedArms> {
  const known = await findPolicy(client, options.agentType);
  if (known === undefined) await createSimulatedAgentType(client, options);
  const active = await listAllVariants(client, {
    agentType: options.agentType,
    statuses: [VariantStatus.ACTIVE],
  });
  const variantIds = options.arms.map((arm) => variantIdOf(arm, active, options.agentType));
  return {
    variantIds,
    others: active.length > variantIds.length,
    warnings: known === undefined ? [] : requireLearning(known, options),
  };
}

async function findPolicy(client: BanditClient, agentType: string): Promise<Policy | undefined> {
  try {
    return (await client.getPolicy({ agentType })).record?.policy;
  } catch (error) {
    if (error instanceof ClientError && error.code === "not_found") return undefined;
    throw error;
  }
}

async function createSimulatedAgentType(
  client: BanditClient,
  options: SimulatedAgentType,
): Promise<void> {
  await client.createAgentType({
    agentType: options.agentType,
    description: "Created by banditd simulate: its arms are the columns of a table of outcomes.",
    policy: simulationPolicy(options),
    variants: options.arms.map((arm) => ({
      name: arm.name,
      description: `Outcomes come from the column ${arm.column}.`,
      promptTemplate: "{{task}}",
      model: arm.name,
      parameters: { cost: arm.cost },
    })),
  });
}

/**
 * Reward (1 − W) × outcome + W × (1 − cost). A simulation is about what can be learned from every row, so
 * nothing is spent on exploration or a holdout, and every decision sees every outcome before it.
 */
export function simulationPolicy({
  costWeight,
  sharedPriorStrengthMax,
}: Pick<SimulatedAgentType, "costWeight" | "sharedPriorStrengthMax">): MessageInitShape<
  typeof PolicySchema
> {
  const component = (metric: string, weight: number, lowerIsBetter: boolean) =>
    weight > 0 ? [{ metric, weight, min: 0, max: 1, lowerIsBetter }] : [];
  return {
    algorithm: { kind: { case: "thompsonSampling", value: {} } },
    reward: {
      components: [
        ...component(outcomeMetric, 1 - costWeight, false),
        ...component(costMetric, costWeight, true),
      ],
    },
    explorationShare: 0,
    holdoutShare: 0,
    priorAlpha: 1,
    priorBeta: 1,
    refreshInterval: durationFromMs(0),
    attributionWindow: durationFromMs(attributionWindowMs),
    sharedPriorStrengthMax,
  };
}

function variantIdOf(arm: ArmOption, active: readonly Variant[], agentType: string): string {
  const versions = active.filter((variant) => variant.name === arm.name);
  const newest = versions.sort((a, b) => b.version - a.version)[0];
  if (newest !== undefined) return newest.variantId;
  const names = [...new Set(active.map((variant) => variant.name))].join(", ");
  throw badInput(
    `--arm ${arm.name}: agent type "${agentType}" has no active variant of that name; it has: ${names}`,
  );
}

function requireLearning(
  policy: Policy,
  options: { agentType: string; costWeight: number },
): readonly string[] {
  const components = policy.reward?.components ?? [];
  const weightOf = (metric: string): number =>
    components.find((component) => component.metric === metric)?.weight ?? 0;
  if (weightOf(outcomeMetric) === 0 && weightOf(costMetric) === 0) {
    throw badInput(
      `agent type "${options.agentType}" does not learn from the metric "${outcomeMetric}" that a simulation reports, ` +
        `only from: ${components.map((component) => component.metric).join(", ")}; choose another --agent-type`,
    );
  }
  const asAsked =
    Math.abs(weightOf(outcomeMetric) - (1 - options.costWeight)) < 1e-9 &&
    Math.abs(weightOf(costMetric) - options.costWeight) < 1e-9;
  if (asAsked) return [];
  return [
    `agent type "${options.agentType}" keeps its own policy (${outcomeMetric} ${weightOf(outcomeMetric)}, ` +
      `${costMetric} ${weightOf(costMetric)}); the rewards below use --cost-weight ${options.costWeight}`,
  ];
}
