import { parseVariantName } from "../../domain/ids.ts";
import { badInput } from "../exit-code.ts";
import { parseNumber } from "../input/parse-number.ts";

/** One `--arm`: which column holds what this arm would have achieved, and what using it costs. */
export interface ArmOption {
  readonly name: string;
  readonly column: string;
  /** [0,1]; 0 when not given. */
  readonly cost: number;
}

/**
 * Reads `NAME=COLUMN[:COST]`. What follows the last colon is a cost when it is a number; otherwise the
 * colon belongs to the column's name.
 * @throws CliError or BanditError that names the option
 */
export function parseArmOption(text: string): ArmOption {
  const equals = text.indexOf("=");
  if (equals < 1 || equals === text.length - 1) {
    throw badInput(
      `--arm ${text}: must look like NAME=COLUMN or NAME=COLUMN:COST, e.g. gpt-4=gpt_4_correct:1`,
    );
  }
  const name = parseVariantName(text.slice(0, equals), `--arm ${text}: NAME`);
  const rest = text.slice(equals + 1);
  const colon = rest.lastIndexOf(":");
  const costText = colon < 0 ? "" : rest.slice(colon + 1).trim();
  if (costText === "" || Number.isNaN(Number(costText))) {
    if (colon === rest.length - 1) throw badInput(`--arm ${text}: the cost after ":" is missing`);
    return { name, column: rest, cost: 0 };
  }
  const cost = parseNumber(costText) ?? Number.NaN;
  if (!(cost >= 0 && cost <= 1)) {
    throw badInput(`--arm ${text}: the cost must be between 0 and 1, not ${costText}`);
  }
  const column = rest.slice(0, colon);
  if (column === "") throw badInput(`--arm ${text}: the column between "=" and ":" is missing`);
  return { name, column, cost };
}

/** @throws CliError usage when a name or a column occurs twice, or when there are fewer than two arms. */
export function requireUsableArms(arms: readonly ArmOption[]): void {
  if (arms.length < 2) throw badInput("--arm must be given at least twice: one arm is no choice");
  for (const key of ["name", "column"] as const) {
    const seen = new Set<string>();
    for (const arm of arms) {
      if (seen.has(arm[key])) throw badInput(`--arm: the ${key} "${arm[key]}" is given twice`);
      seen.add(arm[key]);
    }
  }
}
