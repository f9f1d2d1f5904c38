import { type CandidatePolicy, checkShares } from "../../statistics/off-policy/candidate-policy.ts";
import { badInput } from "../exit-code.ts";
import { Labels } from "../input/labels.ts";
import { contextLabel } from "../logs/decision-log.ts";

/** Shares of named arms, or the same for every arm that the log served. */
type CellShares = ReadonlyMap<string, number> | "uniform";

/** A policy as its file says it. */
export interface PolicyFile {
  /** Columns whose values name a cell; empty when the policy is the same everywhere. */
  readonly by: readonly string[];
  /** By the values of `by`, joined by commas. */
  readonly cells: ReadonlyMap<string, CellShares>;
  /** For every other cell. */
  readonly otherwise: CellShares | undefined;
}

const form =
  '{"shares": {"<arm>": 0.3, …}}, {"uniform": true}, or {"by": ["<column>"], "cells": {"<value>": {"shares": …}}, "otherwise": …}';

/**
 * Reads a policy.
 * @param name of the file, for messages
 * @throws CliError usage that names the field
 */
export function policyFileFrom(content: unknown, name: string): PolicyFile {
  const policy = objectAt(content, name, "the policy");
  if (!("by" in policy) && !("cells" in policy)) {
    return { by: [], cells: new Map(), otherwise: sharesAt(policy, name, "") };
  }
  requireFields(policy, ["by", "cells", "otherwise"], { name, path: "" });
  const by = columnsAt(policy["by"], name);
  const cells = Object.entries(objectAt(policy["cells"], name, "cells"));
  const otherwise = policy["otherwise"];
  if (cells.length === 0 && otherwise === undefined) throw badInput(`${name}: cells: has no cell`);
  const labels = new Labels();
  for (const [cell] of cells) labels.add(cell, () => `${name}: cells`);
  return {
    by,
    cells: new Map(
      cells.map(([cell, value]) => {
        const path = `cells[${JSON.stringify(cell)}]`;
        const values = cell.split(",").length;
        if (by.length > 1 && values !== by.length) {
          throw badInput(
            `${name}: ${path}: names ${values} values for the ${by.length} columns ${by.join(", ")}; separate them by commas`,
          );
        }
        return [cell, sharesAt(objectAt(value, name, path), name, path)];
      }),
    ),
    otherwise:
      otherwise === undefined
        ? undefined
        : sharesAt(objectAt(otherwise, name, "otherwise"), name, "otherwise"),
  };
}

/** True when it cannot be applied without knowing which arms the log served. */
export function needsServedArms(policy: PolicyFile): boolean {
  return [...policy.cells.values(), policy.otherwise].includes("uniform");
}

/**
 * The policy in terms of a log's context labels.
 * @param log.contextColumns must hold every column of `policy.by`
 * @throws CliError usage, when it is asked for a value that looks like one of its cells and is another
 */
export function candidateFrom(
  policy: PolicyFile,
  log: { readonly contextColumns: readonly string[]; readonly servedArms: readonly string[] },
): CandidatePolicy {
  const cells = [...policy.cells.values(), policy.otherwise].filter((cell) => cell !== undefined);
  const arms = [
    ...new Set(cells.flatMap((cell) => (cell === "uniform" ? log.servedArms : [...cell.keys()]))),
  ];
  const uniform = new Map(log.servedArms.map((arm) => [arm, 1 / log.servedArms.length]));
  const listed = (cell: CellShares): readonly number[] => {
    const shares = cell === "uniform" ? uniform : cell;
    return arms.map((arm) => shares.get(arm) ?? 0);
  };
  const sharesOfCell = new Map([...policy.cells].map(([key, cell]) => [key, listed(cell)]));
  const otherwise = policy.otherwise === undefined ? undefined : listed(policy.otherwise);
  const positions = policy.by.map((column) => log.contextColumns.indexOf(column));
  const keyOf = (label: string): string => {
    const values = log.contextColumns.length === 1 ? [label] : label.split(",");
    return contextLabel(positions.map((position) => values[position] ?? ""));
  };
  const cellNames = new Labels();
  for (const cell of policy.cells.keys()) cellNames.add(cell, () => "cells of the policy");
  const sharesIn = (label: string) => {
    const key = keyOf(label);
    const shares = sharesOfCell.get(key);
    // A value that only looks like a cell must not get the shares of the others.
    if (shares === undefined) cellNames.add(key, () => "the log");
    return shares ?? otherwise;
  };
  return { arms, sharesIn };
}

function sharesAt(cell: Readonly<Record<string, unknown>>, name: string, path: string): CellShares {
  requireFields(cell, ["shares", "uniform"], { name, path });
  const at = (field: string): string => (path === "" ? field : `${path}.${field}`);
  const { shares, uniform } = cell;
  if ((shares === undefined) === (uniform === undefined)) {
    throw badInput(`${name}: ${path === "" ? "it" : path} must have either shares or uniform`);
  }
  if (uniform !== undefined) {
    if (uniform !== true) throw badInput(`${name}: ${at("uniform")}: can only be true`);
    return "uniform";
  }
  const entries = Object.entries(objectAt(shares, name, at("shares")));
  const labels = new Labels();
  for (const [arm, share] of entries) {
    labels.add(arm, () => `${name}: ${at("shares")}`);
    if (typeof share !== "number" || !(share >= 0 && share <= 1)) {
      throw badInput(
        `${name}: ${at("shares")}[${JSON.stringify(arm)}]: must be a number from 0 to 1, not ${JSON.stringify(share)}`,
      );
    }
  }
  const result = new Map(entries as [string, number][]);
  const problem = checkShares([...result.values()], at("shares"));
  if (problem !== undefined) throw badInput(`${name}: ${problem.message}`);
  return result;
}

function columnsAt(value: unknown, name: string): readonly string[] {
  const isColumn = (column: unknown): column is string =>
    typeof column === "string" && column !== "";
  if (!Array.isArray(value) || value.length === 0 || !value.every(isColumn)) {
    throw badInput(`${name}: by: must be a list of column names, e.g. ["code_type"]`);
  }
  if (new Set(value).size < value.length) throw badInput(`${name}: by: names a column twice`);
  return value;
}

function objectAt(value: unknown, name: string, path: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw badInput(`${name}: ${path}: must be an object; a policy looks like ${form}`);
}

function requireFields(
  value: Readonly<Record<string, unknown>>,
  allowed: readonly string[],
  { name, path }: { readonly name: string; readonly path: string },
): void {
  const unknown = Object.keys(value).find((field) => !allowed.includes(field));
  if (unknown === undefined) return;
  const where = path === "" ? unknown : `${path}.${unknown}`;
  throw badInput(`${name}: ${where}: unknown field; a policy looks like ${form}`);
}
