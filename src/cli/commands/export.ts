import type { JsonValue } from "@bufbuild/protobuf";
import { Command } from "commander";
import { badInput } from "../exit-code.ts";
import { ServiceLogReader } from "../logs/service-log.ts";
import { durationOption, timeOption } from "../logs/time-option.ts";
import { rowProgress, type SpanOptions, spanOf } from "../logs/with-log.ts";
import {
  addConnectionOptions,
  type ConnectionOptions,
  withService,
} from "../service-connection.ts";
import type { Terminal } from "../terminal.ts";
import { csvText } from "../text/csv-text.ts";
import { Progress } from "../text/progress.ts";

/** What `--log` finds by its name, beside `generation_id` and `code_type`. */
const columns = [
  ...["variant_id", "source", "degraded", "propensity", "reward", "reward_weight", "decided_at"],
  ...["arm_variant_ids", "arm_probabilities"],
];
/** Written at a time. */
const writtenRows = 1000;

interface ExportOptions extends SpanOptions, ConnectionOptions {}

export function exportCommand(terminal: Terminal): Command {
  const command = new Command("export")
    .description("print what a service has decided, and the rewards so far, as CSV for --log")
    .requiredOption("--agent-type <name>", "agent type")
    .option("--code-type <name>", "only this code type")
    .option("--from <time>", "decisions since then (UTC; also today, yesterday)", timeOption)
    .option("--last <duration>", "the same, back from now: 90m, 12h, 7d, 2w", durationOption)
    .option("--to <time>", "with --from: up to then, exclusive (default: now)", timeOption)
    .addHelpText(
      "after",
      `
Examples:
  banditd export --agent-type evolution --last 7d > log.csv
  banditd export --agent-type evolution --from 2026-11-01 --to 2026-12-01 > november.csv`,
    );
  return addConnectionOptions(command).action((options: ExportOptions) =>
    exportLog(options, terminal),
  );
}

async function exportLog(options: ExportOptions, terminal: Terminal): Promise<void> {
  if ((options.from === undefined) === (options.last === undefined)) {
    throw badInput("either --from or --last is needed");
  }
  const span = spanOf(options, terminal.nowMs());
  const progress = new Progress(terminal);
  const onProgress = rowProgress(progress, "decisions");
  try {
    const rows = await withService(options, terminal, async (client) => {
      let count = 0;
      let unwritten: JsonValue[][] = [["generation_id", "code_type", ...columns]];
      const reader = new ServiceLogReader({ ...span, client });
      for await (const { generationId, codeType, values, total } of reader.rows(columns)) {
        count += 1;
        unwritten.push([generationId, codeType, ...values]);
        if (unwritten.length >= writtenRows) {
          terminal.out(csvText(unwritten));
          unwritten = [];
        }
        onProgress(count, total);
      }
      terminal.out(csvText(unwritten));
      return count;
    });
    if (rows === 0) progress.step("no decisions: the file has its titles only");
  } finally {
    progress.clear();
  }
}
