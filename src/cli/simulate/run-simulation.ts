import {
  type BanditClient,
  type CallError,
  OutcomeStatus,
  OutcomeStatusSchema,
} from "../../client/index.ts";
import { CliError, exitCodes } from "../exit-code.ts";
import { enumLabel } from "../text/enum-label.ts";
import type { ArmOption } from "./arm-option.ts";
import type { OutcomeTable } from "./outcome-table.ts";
import { taskReward } from "./reward.ts";
import { type SeededRandom, shuffledIndexes } from "./seeded.ts";
import { costMetric, outcomeMetric, type SimulatedArms } from "./simulated-arms.ts";

const batchDeadlineMs = 30_000;
const agentId = "simulate";

/** Who decides what. */
export interface SimulationSubject {
  readonly client: BanditClient;
  readonly agentType: string;
  readonly table: OutcomeTable;
  readonly arms: readonly ArmOption[];
}

export interface SimulationInput extends SimulationSubject {
  readonly served: SimulatedArms;
  readonly costWeight: number;
  readonly passes: number;
  readonly batchSize: number;
  readonly random: SeededRandom;
  /** True: ids come from the seed. Only for a service that has never seen them. */
  readonly seededIds: boolean;
  readonly onProgress: (pass: number, done: number) => void;
}

export interface SimulationResult {
  readonly meanReward: number;
  readonly lastPassMeanReward: number;
  /** Mean reward of every pass, first to last. */
  readonly passMeanRewards: readonly number[];
  /** Outcomes by what the service did with them, e.g. `applied`. */
  readonly outcomeStatuses: Readonly<Record<string, number>>;
}

/** Lets the service decide every row in every pass, in a new random order each time, and tells it how it went. */
export async function runSimulation(input: SimulationInput): Promise<SimulationResult> {
  const { table, random } = input;
  const passMeanRewards: number[] = [];
  const outcomeStatuses: Record<string, number> = {};
  let done = 0;
  for (let pass = 1; pass <= input.passes; pass += 1) {
    const order = shuffledIndexes(table.rowCount, random);
    let sum = 0;
    for (let at = 0; at < order.length; at += input.batchSize) {
      const rows = order.subarray(at, at + input.batchSize);
      sum += await simulateBatch(input, rows, outcomeStatuses);
      done += rows.length;
      input.onProgress(pass, done);
    }
    passMeanRewards.push(sum / table.rowCount);
  }
  return {
    meanReward: passMeanRewards.reduce((sum, mean) => sum + mean, 0) / input.passes,
    lastPassMeanReward: passMeanRewards.at(-1) as number,
    passMeanRewards,
    outcomeStatuses,
  };
}

/** @returns the rewards of the batch, added up */
async function simulateBatch(
  input: SimulationInput,
  rows: Uint32Array,
  statuses: Record<string, number>,
): Promise<number> {
  const { client, table, arms, served } = input;
  const call = { deadlineMs: batchDeadlineMs };
  const decisions = await client.batchSelectVariants(
    {
      requests: Array.from(rows, (row) => ({
        agentType: input.agentType,
        codeType: table.codeTypes[table.codeTypeOf(row)] as string,
        agentId,
        allowedVariantIds: served.others ? [...served.variantIds] : [],
        ...(input.seededIds ? { generationId: input.random.generationId() } : {}),
      })),
    },
    call,
  );
  let sum = 0;
  const requests = decisions.results.map(({ result }, index) => {
    if (result.case !== "response") throw refused("a decision", result.value);
    const row = rows[index] as number;
    const arm = served.variantIds.indexOf(result.value.variant?.variantId ?? "");
    if (arm < 0) {
      throw new CliError(
        exitCodes.failed,
        `the service served ${result.value.variant?.variantId}, which is not one of the arms`,
      );
    }
    const outcome = table.outcomeOf(row, arm);
    const cost = (arms[arm] as ArmOption).cost;
    sum += taskReward({ outcome, cost, costWeight: input.costWeight });
    const metrics = { [outcomeMetric]: outcome, [costMetric]: cost };
    return {
      generationId: result.value.generationId,
      outcome: { case: "custom" as const, value: { metrics } },
      // One outcome a generation: its id tells a repeated report by itself.
      outcomeId: result.value.generationId,
    };
  });
  const recorded = await client.batchRecordOutcomes({ requests }, call);
  for (const { result } of recorded.results) {
    if (result.case !== "response") throw refused("an outcome", result.value);
    const label = enumLabel(OutcomeStatusSchema, result.value.status);
    statuses[label] = (statuses[label] ?? 0) + 1;
  }
  return sum;
}

/** Outcomes that changed what the service believes. */
export function learnedCount(result: SimulationResult): number {
  return [OutcomeStatus.APPLIED, OutcomeStatus.REPLACED]
    .map((status) => result.outcomeStatuses[enumLabel(OutcomeStatusSchema, status)] ?? 0)
    .reduce((sum, count) => sum + count, 0);
}

function refused(what: string, error: CallError | undefined): CliError {
  return new CliError(
    exitCodes.failed,
    `the service refused ${what}: ${error?.message ?? "no answer"} ${error?.reason ?? ""}`.trim(),
  );
}
