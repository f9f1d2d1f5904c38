import { Command } from "commander";
import type { BanditClient } from "../../client/index.ts";
import { BanditError } from "../../domain/errors.ts";
import { parseAgentType } from "../../domain/ids.ts";
import { badInput, CliError, exitCodes } from "../exit-code.ts";
import { append, numberWithin, wholeNumber } from "../parse-option.ts";
import { parseArmOption, requireUsableArms } from "../replay/arm-option.ts";
import { readOutcomeTable } from "../replay/outcome-table.ts";
import { prepareArms } from "../replay/replay-policy.ts";
import { buildReport, formatReport, type ReplayReport } from "../replay/replay-report.ts";
import { referenceRewards } from "../replay/reward.ts";
import { learnedCount, runReplay } from "../replay/run-replay.ts";
import { seededRandom } from "../seeded.ts";
import { withAddress, withDataDir, withTemporaryService } from "../service-connection.ts";
import { printJson, type Terminal } from "../terminal.ts";
import { describeRate, Progress } from "../text/progress.ts";

const costWeightDefault = 0.15;
const batchSizeDefault = 32;
const seedMax = 2 ** 31 - 1;

interface ReplayOptions {
  readonly agentType: string;
  readonly codeType: string;
  readonly arm: readonly string[];
  readonly costWeight: number;
  readonly sharedPriorStrength: number;
  readonly passes: number;
  readonly seed: number;
  readonly batchSize: number;
  readonly limit?: number;
  readonly address?: string;
  readonly dataDir?: string;
  readonly json?: true;
}

export function replayCommand(terminal: Terminal): Command {
  return new Command("replay")
    .description("let the service decide a table of tasks whose outcomes are known")
    .argument(
      "<file>",
      "CSV with a title line: a column of code types, and for every arm one of outcomes in [0,1]",
    )
    .requiredOption("--agent-type <name>", "agent type; created with its arms if it is not there")
    .requiredOption("--code-type <column>", "column that holds the code type")
    .requiredOption(
      "--arm <name=column[:cost]>",
      "an arm, its column of outcomes, and its cost in [0,1] (0 when left out); once for each arm",
      append,
    )
    .option(
      "--cost-weight <W>",
      "reward = (1 − W) × outcome + W × (1 − cost)",
      numberWithin(0, 1),
      costWeightDefault,
    )
    .option(
      "--shared-prior-strength <outcomes>",
      "most outcomes that a prior learned from other code types is worth; 0: no sharing",
      numberWithin(0, 1000),
      0,
    )
    .option(
      "--passes <count>",
      "times to go through the file, each in a new order",
      wholeNumber(1, 100_000),
      1,
    )
    .option("--seed <number>", "seed of the orders", wholeNumber(0, seedMax), 1)
    .option("--batch-size <count>", "tasks decided at once", wholeNumber(1, 100), batchSizeDefault)
    .option("--limit <rows>", "use only the first rows of the file", wholeNumber(1, seedMax))
    .option(
      "--address <host:port>",
      "replay through this running banditd, which keeps what it learns",
    )
    .option(
      "--data-dir <directory>",
      "replay into this data directory, which keeps what is learned",
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Without --address and --data-dir it runs on an embedded service of its own that is gone afterwards;
there the same seed gives the same result.

Example:
  banditd replay mmlu-outcomes.csv --agent-type router --code-type subject \\
    --arm mixtral=mixtral_8x7b_correct:0 --arm gpt-4=gpt_4_1106_correct:1 --passes 10`,
    )
    .action(async (file: string, options: ReplayOptions) => {
      await replay(file, options, terminal);
    });
}

async function replay(file: string, options: ReplayOptions, terminal: Terminal): Promise<void> {
  const { address, dataDir, costWeight, passes, seed } = options;
  if (address !== undefined && dataDir !== undefined) {
    throw badInput("--address and --data-dir exclude each other: a service, or a directory");
  }
  const agentType = agentTypeFrom(options.agentType);
  const arms = options.arm.map(parseArmOption);
  requireUsableArms(arms);
  const progress = new Progress(terminal);
  progress.update(() => `reading ${file}`);
  const table = await readOutcomeTable({
    file,
    codeTypeColumn: options.codeType,
    arms,
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  });
  if (table.relabelledRows > 0) {
    progress.step(
      `note: in ${table.relabelledRows} rows the code type holds characters that a label may not have; each became "_"`,
    );
  }

  const run = async (client: BanditClient): Promise<ReplayReport> => {
    const served = await prepareArms(client, {
      agentType,
      arms,
      costWeight,
      sharedPriorStrengthMax: options.sharedPriorStrength,
    });
    for (const warning of served.warnings) progress.step(`note: ${warning}`);
    const startedMs = terminal.monotonicMs();
    const elapsedMs = (): number => terminal.monotonicMs() - startedMs;
    const result = await runReplay({
      client,
      agentType,
      table,
      arms,
      served,
      costWeight,
      passes,
      batchSize: options.batchSize,
      random: seededRandom(seed),
      seededIds: address === undefined && dataDir === undefined,
      onProgress: (pass, done) =>
        progress.update(
          () =>
            `pass ${pass} of ${passes}: ${describeRate({
              done,
              total: table.rowCount * passes,
              noun: "tasks",
              elapsedMs: elapsedMs(),
            })}`,
        ),
    });
    if (learnedCount(result) === 0) {
      const statuses = Object.keys(result.outcomeStatuses).join(", ");
      throw new CliError(
        exitCodes.failed,
        `the service learned from none of the outcomes (${statuses}); see \`banditd mode\``,
      );
    }
    const reference = referenceRewards(table, arms, costWeight);
    const common = { client, agentType, table, arms, served, passes, seed, costWeight };
    return buildReport({ ...common, reference, result, elapsedMs: elapsedMs() });
  };

  const report = await through(options, { terminal, progress }, run);
  progress.clear();
  if (options.json) printJson(terminal, report);
  else terminal.out(formatReport(report, arms));
}

function through(
  options: ReplayOptions,
  shown: { terminal: Terminal; progress: Progress },
  run: (client: BanditClient) => Promise<ReplayReport>,
): Promise<ReplayReport> {
  if (options.address !== undefined) return withAddress(options.address, run);
  if (options.dataDir !== undefined) return withDataDir(options.dataDir, shown.terminal, run);
  const onProgress = (step: string): void => shown.progress.update(() => `starting: ${step}`);
  return withTemporaryService(shown.terminal, onProgress, run);
}

function agentTypeFrom(text: string): string {
  try {
    return parseAgentType(text, "--agent-type");
  } catch (error) {
    if (error instanceof BanditError) throw badInput(error.message);
    throw error;
  }
}
