import { badInput } from "../exit-code.ts";
import {
  armOf,
  type CsvColumns,
  type CsvRow,
  eachCsvRow,
  isDrawnRow,
  layOutOutcome,
  openCsvColumns,
  type Place,
  rewardOf,
} from "./csv-columns.ts";
import { type DecisionSource, exactReward, type PropensityVector } from "./decision-source.ts";

const armsColumn = "arm_variant_ids";
const probabilitiesColumn = "arm_probabilities";
const timeColumn = "decided_at";
const contextColumnUsual = "code_type";
/** `propensity:a` is the column of the probability of arm a. */
const propensityPrefix = "propensity:";
const zoned = /(Z|[+-]\d{2}:?\d{2})$/;

export interface CsvDecisionOptions {
  readonly file: string;
  /** Absent: the first of the usual names that the file has. */
  readonly actionColumn?: string;
  readonly rewardColumn?: string;
  readonly covariateColumn?: string;
  /** Absent: `code_type` where the file has it. */
  readonly contextColumn?: string;
  readonly onProgress: (rows: number) => void;
}

type VectorReader = (row: CsvRow) => PropensityVector;

/**
 * A CSV file with a title line as a log whose arms are compared. It is streamed. Its decisions stand in their
 * order, or have a column `decided_at`.
 * @throws CliError usage naming the file and what is wrong
 */
export async function openCsvDecisions(options: CsvDecisionOptions): Promise<DecisionSource> {
  const columns = await openCsvColumns(options.file);
  const outcome = layOutOutcome(columns, options);
  const propensity = columns.usual("propensity");
  const time = columns.find(timeColumn);
  const { contextColumn, covariateColumn } = options;
  const context =
    contextColumn === undefined
      ? columns.find(contextColumnUsual)
      : columns.named(contextColumn, "--context-column");
  const covariate =
    covariateColumn === undefined
      ? undefined
      : columns.named(covariateColumn, "--covariate-column");
  const vectorOf = vectorReader(columns);
  return {
    name: options.file,
    ...(vectorOf === undefined
      ? {
          lacksVectors:
            `${options.file} does not say with what probability each arm could be served: it needs the columns ` +
            `${armsColumn} and ${probabilitiesColumn} (JSON lists), or a column ${propensityPrefix}<arm> for every arm`,
        }
      : {}),
    async read(take) {
      let notDrawn = 0;
      let rows = 0;
      await eachCsvRow(options.file, (row) => {
        rows += 1;
        options.onProgress(rows);
        if (!isDrawnRow(outcome, row)) {
          notDrawn += 1;
          return true;
        }
        const reward = rewardOf(outcome, row);
        take({
          arm: armOf(outcome, row),
          context: context === undefined ? "" : row.at(context),
          windowIsOpen: false,
          ...(reward === undefined ? {} : { reward: exactReward(reward) }),
          ...(propensity === undefined ? {} : { propensity: row.numberAt(propensity) }),
          ...(vectorOf === undefined ? {} : { vector: vectorOf(row) }),
          ...(covariate === undefined ? {} : { covariate: row.numberAt(covariate) }),
          ...(time === undefined ? {} : { decidedAtMs: timeAt(row, time) }),
        });
        return true;
      });
      return { notDrawn };
    },
  };
}

function vectorReader(columns: CsvColumns): VectorReader | undefined {
  const arms = columns.find(armsColumn);
  const probabilities = columns.find(probabilitiesColumn);
  if (arms !== undefined && probabilities !== undefined) {
    // The lists of arms are few: each is read once, and shared.
    const lists = new Map<string, readonly string[]>();
    return (row) => {
      const text = row.at(arms);
      const list = lists.get(text) ?? listAt(row, arms, (entry) => typeof entry === "string");
      lists.set(text, list as string[]);
      const isNumber = (entry: unknown) => typeof entry === "number";
      return {
        arms: list as string[],
        probabilities: listAt(row, probabilities, isNumber) as number[],
      };
    };
  }
  const single = columns.titles
    .map((column, index): Place => ({ column, index }))
    .filter(({ column }) => column.startsWith(propensityPrefix));
  if (single.length === 0) return undefined;
  const names = single.map(({ column }) => column.slice(propensityPrefix.length));
  return (row) => ({
    arms: names,
    probabilities: single.map((place) => (row.at(place) === "" ? 0 : row.numberAt(place))),
  });
}

function listAt(
  row: CsvRow,
  place: Place,
  isEntry: (entry: unknown) => boolean,
): readonly unknown[] {
  try {
    const list: unknown = JSON.parse(row.at(place));
    if (Array.isArray(list) && list.every(isEntry)) return list;
  } catch {
    // Said below, as for any other text that is no such list.
  }
  throw badInput(`${row.where(place)} holds "${row.at(place)}", which is not such a JSON list`);
}

function timeAt(row: CsvRow, place: Place): number {
  const text = row.at(place).trim();
  const value = Date.parse(`${text.replace(" ", "T")}${zoned.test(text) ? "" : "Z"}`);
  if (!Number.isNaN(value)) return value;
  throw badInput(`${row.where(place)} holds "${text}", which is not a time`);
}
