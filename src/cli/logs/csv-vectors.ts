import type { PropensityVector } from "../../statistics/experiments/compared-decision.ts";
import { badInput } from "../exit-code.ts";
import { listCell, numberCell } from "../input/cells.ts";
import type { CsvColumns, CsvRow } from "../input/csv-columns.ts";
import type { Labels } from "../input/labels.ts";

const armsColumn = "arm_variant_ids";
const probabilitiesColumn = "arm_probabilities";
/** `propensity:a` is the column of the probability of arm a. */
const propensityPrefix = "propensity:";

/** The columns that whole vectors stand in, for messages. */
export const vectorColumns = `${armsColumn} and ${probabilitiesColumn} (JSON lists), or a column ${propensityPrefix}<arm> for every arm`;

const armList = listCell("texts", (entry): entry is string => typeof entry === "string");
const probabilityList = listCell("numbers", (entry): entry is number => Number.isFinite(entry));

/** Reads the vector of a row; undefined when the file has no columns of vectors. @param labels of arms */
export function vectorReader(
  columns: CsvColumns,
  labels: Labels,
): ((row: CsvRow) => PropensityVector) | undefined {
  const arms = columns.find(armsColumn);
  const probabilities = columns.find(probabilitiesColumn);
  if (arms === undefined || probabilities === undefined) return singleReader(columns, labels);
  // The lists of arms are few: each is read once, and shared.
  const lists = new Map<string, readonly string[]>();
  return (row) => {
    const text = row.at(arms);
    let list = lists.get(text);
    if (list === undefined) {
      list = row.read(arms, armList);
      for (const arm of list) labels.add(arm, () => row.where(arms));
      if (new Set(list).size < list.length) throw badInput(`${row.where(arms)} names an arm twice`);
      lists.set(text, list);
    }
    const vector = { arms: list, probabilities: row.read(probabilities, probabilityList) };
    if (vector.probabilities.length === list.length) return vector;
    throw badInput(
      `${row.where(probabilities)} has ${vector.probabilities.length} numbers for ${list.length} arms`,
    );
  };
}

function singleReader(columns: CsvColumns, labels: Labels) {
  const places = columns.titles
    .filter((column) => column.startsWith(propensityPrefix))
    .map((column) => columns.named(column, column));
  if (places.length === 0) return undefined;
  const arms = places.map(({ column }) => column.slice(propensityPrefix.length));
  for (const [at, place] of places.entries()) {
    labels.add(arms[at] as string, () => columns.where(place));
  }
  return (row: CsvRow) => ({
    arms,
    probabilities: places.map((place) => row.read(place, numberCell)),
  });
}
