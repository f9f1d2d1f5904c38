import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { ListValueSchema } from "@bufbuild/protobuf/wkt";
import type { QueryResponse } from "../../client/index.ts";
import { formatNumber } from "./format-value.ts";
import { counted } from "./progress.ts";
import { type Column, formatTable } from "./table.ts";

/** Values of every row, as ClickHouse's JSON has them: 64-bit integers as text. */
export function rowsOf(result: QueryResponse): readonly (readonly JsonValue[])[] {
  return result.rows.map((row) => toJson(ListValueSchema, row) as readonly JsonValue[]);
}

/** An aligned table; numbers to the right, fractions with six digits. */
export function formatQueryResult(result: QueryResponse): string {
  const columns: Column[] = result.columns.map((column) => ({
    title: column.name,
    align: /^(Nullable\()?(U?Int|Float|Decimal)/.test(column.type) ? "right" : "left",
  }));
  const rows = rowsOf(result).map((row) => row.map(shownCell));
  return `${formatTable(columns, rows)}${counted(rows.length, "row")}\n`;
}

/** A value in full, for CSV. */
export function plainCell(value: JsonValue): string {
  if (value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function shownCell(value: JsonValue): string {
  if (typeof value === "number" && !Number.isInteger(value)) return formatNumber(value);
  return value === null ? "–" : plainCell(value);
}
