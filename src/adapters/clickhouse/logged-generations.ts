import { setImmediate as nextTurn } from "node:timers/promises";
import { type DecisionSource, decisionSources } from "../../domain/decision.ts";
import { invariant } from "../../domain/errors.ts";
import type { AgentType, CodeType, GenerationId, VariantId } from "../../domain/ids.ts";
import type {
  GenerationPage,
  LearnedArm,
  LoggedEvent,
  LoggedGeneration,
  ReadGenerationsInput,
} from "../../ports/generation-log.ts";
import { listError } from "./clickhouse-errors.ts";
import {
  clockStatement,
  decisionsStatement,
  firstDecisionStatement,
  learnedArmsStatement,
  outcomesStatement,
  pageParameters,
  reportsStatement,
} from "./generation-statements.ts";
import type { RowsOptions } from "./read-rows.ts";

type DecisionColumns = [
  generationId: string,
  codeType: string,
  variantId: string,
  decidedAtMs: number,
  source: string,
  propensity: number,
  allocationVersion: string,
  forgettingPosition: number,
  contextEpoch: number,
  context: number[],
  experimentId: string,
  experimentArm: string,
];

type EventColumns = [
  generationId: string,
  codeType: string,
  variantId: string,
  decidedAtMs: number,
  eventId: string,
  occurredAtMs: number,
  receivedAtMs: number,
  ingestedAtMs: number,
  learned: number,
  components: string[],
  values: number[],
  weights: number[],
  penalties: number[],
];

/** A generation while its events are put together. */
interface OpenGeneration extends LoggedGeneration {
  readonly events: LoggedEvent[];
}

/** Rows taken in before others have their turn: about 1 ms. */
const rowsPerTurn = 200;
const statementBytesMax = 2 ** 30;

/** The part of the event log that reads whole generations: decision, report and outcomes put together. */
export abstract class LoggedGenerations {
  readonly #options: RowsOptions;

  constructor(options: RowsOptions) {
    this.#options = options;
  }

  /** @throws BanditError unavailable once the log is closed */
  protected abstract requireOpen(): void;

  async listLearnedArms(agentType?: AgentType): Promise<readonly LearnedArm[]> {
    const arms: LearnedArm[] = [];
    await this.#each<[AgentType, CodeType, VariantId, number, number]>(
      learnedArmsStatement(agentType !== undefined),
      agentType === undefined ? {} : { agentType },
      ([agent, codeType, variantId, generations, events]) =>
        void arms.push({ agentType: agent, codeType, variantId, generations, events }),
    );
    return arms;
  }

  async findFirstDecisionMs(agentType?: AgentType): Promise<number | undefined> {
    let first: number | undefined;
    await this.#each<[number, number]>(
      firstDecisionStatement(agentType !== undefined),
      agentType === undefined ? {} : { agentType },
      ([ms, count]) => {
        first = count === 0 ? undefined : ms;
      },
    );
    return first;
  }

  async readClockMs(): Promise<number> {
    let nowMs = 0;
    await this.#each<[number]>(clockStatement, {}, ([ms]) => {
      nowMs = ms;
    });
    return nowMs;
  }

  async readGenerations(input: ReadGenerationsInput): Promise<GenerationPage> {
    invariant(input.limit >= 1 && input.limit <= 10_000, "limit is 1 to 10,000");
    const generations = new Map<string, OpenGeneration>();
    let decisions = 0;
    let lastRow: DecisionColumns | undefined;
    await this.#each<DecisionColumns>(decisionsStatement(input), pageParameters(input), (row) => {
      decisions += 1;
      lastRow = row;
      generations.set(row[0], generationOf(input.agentType, row));
    });
    const last =
      decisions < input.limit || lastRow === undefined
        ? undefined
        : { codeType: lastRow[1] as CodeType, generationId: lastRow[0] as GenerationId };
    const range = { ...input, ...(last === undefined ? {} : { last }) };
    const take = (row: EventColumns): void => {
      let generation = generations.get(row[0]);
      if (generation === undefined) {
        generation = generationWithoutDecision(input.agentType, row);
        generations.set(row[0], generation);
      }
      generation.events.push(eventOf(row));
    };
    await Promise.all([
      this.#each(reportsStatement(range), pageParameters(range), take),
      this.#each(outcomesStatement(range), pageParameters(range), take),
    ]);
    const read: OpenGeneration[] = [];
    for (const generation of generations.values()) {
      if (input.learnedOnly && generation.events.length === 0) continue;
      if (generation.events.length > 1) generation.events.sort(byReceipt);
      read.push(generation);
    }
    return { generations: read, ...(last === undefined ? {} : { next: last }) };
  }

  /** Runs a statement and hands out its rows as they are parsed. @throws BanditError */
  async #each<Row>(
    query: string,
    parameters: Record<string, unknown>,
    take: (row: Row) => void,
  ): Promise<void> {
    this.requireOpen();
    const { client, requestTimeoutMs } = this.#options;
    try {
      const result = await client.query({
        query,
        format: "JSONCompactEachRow",
        query_params: parameters,
        clickhouse_settings: {
          max_execution_time: requestTimeoutMs / 1_000,
          max_memory_usage: String(statementBytesMax),
          // A generation's rows lie in one month: copies of a row are never in two partitions.
          do_not_merge_across_partitions_select_final: 1,
          output_format_json_quote_64bit_integers: 0,
          wait_end_of_query: 1,
        },
        abort_signal: AbortSignal.timeout(requestTimeoutMs),
      });
      let rows = 0;
      for await (const some of result.stream<Row>()) {
        for (const row of some) {
          take(row.json());
          rows += 1;
          if (rows % rowsPerTurn === 0) await nextTurn();
        }
      }
    } catch (error) {
      throw listError(error);
    }
  }
}

function generationOf(agentType: AgentType, row: DecisionColumns): OpenGeneration {
  const [, , , , source, propensity, ...placed] = row;
  const [allocationVersion, forgettingPosition, epoch, values, experimentId, arm] = placed;
  invariant(
    decisionSources.includes(source as DecisionSource),
    `decision of unknown source ${source}`,
  );
  return {
    ...generationWithoutDecision(agentType, row),
    decision: {
      source: source as DecisionSource,
      propensity,
      allocationVersion,
      forgettingPosition,
      ...(values.length === 0 ? {} : { context: { epoch, values } }),
      ...(experimentId === "" ? {} : { experiment: { id: experimentId, arm } }),
    },
  };
}

function generationWithoutDecision(
  agentType: AgentType,
  row: DecisionColumns | EventColumns,
): OpenGeneration {
  const [generationId, codeType, variantId, decidedAtMs] = row;
  return {
    generationId: generationId as GenerationId,
    agentType,
    codeType: codeType as CodeType,
    variantId: variantId as VariantId,
    decidedAtMs,
    events: [],
  };
}

function eventOf(row: EventColumns): LoggedEvent {
  const [, , , , eventId, occurredAtMs, receivedAtMs, ingestedAtMs, ...learning] = row;
  const [learned, components, ...numbers] = learning;
  const [values, weights, penalties] = numbers;
  const contributions =
    learned === 0
      ? []
      : components.map((component, at) => ({
          component,
          value: values[at] as number,
          weight: weights[at] as number,
          penalty: penalties[at] as number,
        }));
  return { eventId, occurredAtMs, receivedAtMs, ingestedAtMs, contributions };
}

function byReceipt(a: LoggedEvent, b: LoggedEvent): number {
  return a.receivedAtMs - b.receivedAtMs || (a.eventId < b.eventId ? -1 : 1);
}
