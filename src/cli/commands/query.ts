import { durationFromMs, durationMs } from "@bufbuild/protobuf/wkt";
import { Command } from "commander";
import type { QueryResponse } from "../../client/index.ts";
import { addAnswerOptions, answer, type PrintOptions } from "../command-frame.ts";
import { badInput } from "../exit-code.ts";
import { readInputFile } from "../input/text-file.ts";
import { wholeNumber } from "../parse-option.ts";
import type { Terminal } from "../terminal.ts";
import { csvText } from "../text/csv-text.ts";
import { formatQueryResult, rowsOf } from "../text/query-result.ts";

const rowsMaxDefault = 1000;
const timeoutSecondsDefault = 30;
/** The call may take a little longer than the statement: events are flushed first, rows travel. */
const deadlineMarginMs = 15_000;

interface QueryOptions extends PrintOptions {
  readonly csv?: true;
  readonly rows: number;
  readonly timeout: number;
  readonly fresh: boolean;
}

export function queryCommand(terminal: Terminal): Command {
  const command = new Command("query")
    .description("run one read-only SQL statement on the events (ClickHouse)")
    .argument("<sql>", "the statement, or - to read it from standard input")
    .option("--csv", "print CSV with a title line")
    .option(
      "--rows <count>",
      "print at most this many rows",
      wholeNumber(1, 10_000),
      rowsMaxDefault,
    )
    .option("--timeout <seconds>", "longest run time", wholeNumber(1, 300), timeoutSecondsDefault)
    .option("--no-fresh", "do not wait for events that are still on their way into ClickHouse")
    .addHelpText(
      "after",
      `
Tables: decisions, generations, outcomes. Views and example queries: docs/analyst.md.

Examples:
  banditd query "SELECT variant_id, count() FROM decisions GROUP BY variant_id ORDER BY 2 DESC"
  banditd query --csv - < report.sql > report.csv`,
    );
  return addAnswerOptions(command, "columns, rows as objects, truncated, elapsed_ms").action(
    async (argument: string, options: QueryOptions) => {
      if (options.json && options.csv) throw badInput("--json and --csv exclude each other");
      const sql = argument === "-" ? (await readInputFile("-", terminal)).text : argument;
      if (sql.trim() === "") throw badInput("the SQL statement is empty");
      const { rows: rowsMax, fresh } = options;
      const timeoutMs = options.timeout * 1000;
      await answer(terminal, options, {
        ask: async (client) => {
          const request = { sql, rowsMax, timeout: durationFromMs(timeoutMs), fresh };
          const result = await client.query(request, { deadlineMs: timeoutMs + deadlineMarginMs });
          if (result.truncated && !options.json) {
            terminal.err(`only the first ${rowsMax} rows are shown; --rows shows more\n`);
          }
          return result;
        },
        json: jsonOf,
        text: options.csv ? csvOf : formatQueryResult,
      });
    },
  );
}

function csvOf(result: QueryResponse): string {
  return csvText([titlesOf(result), ...rowsOf(result)]);
}

function titlesOf(result: QueryResponse): string[] {
  return result.columns.map((column) => column.name);
}

function jsonOf(result: QueryResponse): unknown {
  const titles = titlesOf(result);
  return {
    columns: result.columns.map(({ name, type }) => ({ name, type })),
    rows: rowsOf(result).map((row) =>
      Object.fromEntries(row.map((value, index) => [titles[index] as string, value])),
    ),
    truncated: result.truncated,
    elapsed_ms: result.elapsed === undefined ? 0 : durationMs(result.elapsed),
  };
}
