import type { JsonValue } from "@bufbuild/protobuf";
import { stringify } from "csv-stringify/sync";
import { plainCell } from "./query-result.ts";

/** Rows as RFC 4180 has them; a null is an empty cell, a list is JSON. */
export function csvText(rows: readonly (readonly JsonValue[])[]): string {
  return stringify(
    rows.map((row) => row.map(plainCell)),
    { record_delimiter: "windows", quoted_match: /[\r\n]/ },
  );
}
