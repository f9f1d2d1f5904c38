import { Command } from "commander";
import type { BanditClient } from "../../client/index.ts";
import { parseAgentType } from "../../domain/ids.ts";
import { print } from "../command-frame.ts";
import { badInput, CliError, exitCodes } from "../exit-code.ts";
import { addressOption, append, numberWithin, wholeNumber } from "../parse-option.ts";
import { withAddress, withDataDir, withTemporaryService } from "../service-connection.ts";
import { parseArmOption, requireUsableArms } from "../simulate/arm-option.ts";
import { readOutcomeTable } from "../simulate/outcome-table.ts";
import { learnedCount, runSimulation, type SimulationSubject } from "../simulate/run-simulation.ts";
import { seededRandom } from "../simulate/seeded.ts";
import { prepareArms } from "../simulate/simulated-arms.ts";
import { buildReport, formatReport, type SimulationReport } from "../simulate/simulation-report.ts";
import type { Terminal } from "../terminal.ts";
import { describeRate, Progress } from "../text/progress.ts";

const costWeightDefault = 0.15;
const batchSizeDefault = 32;
const seedMax = 2 ** 31 - 1;

interface SimulateOptions {
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

export function simulateCommand(terminal: Terminal): Command {
  return new Command("simulate")
    .description("let the service decide a table of tasks whose outcomes are known")
    .argument(
      "<file>",
      "CSV with a title line: a column of code types, and for every arm one of outcomes in [0,1]",
    )
    .requiredOption("--agent-type <name>", "agent type; created with its arms if it does not exist")
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
      "simulate through this running banditd, which keeps what it learns",
      addressOption,
    )
    .option(
      "--data-dir <directory>",
      "simulate into this data directory, which keeps what is learned",
    )
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Without --address and --data-dir it runs on an embedded service of its own that is gone afterwards;
there the same seed gives the same result.

Example:
  banditd simulate mmlu-outcomes.csv --agent-type router --code-type subject \\
    --arm mixtral=mixtral_8x7b_correct:0 --arm gpt-4=gpt_4_1106_correct:1 --passes 10`,
    )
    .action(async (file: string, options: SimulateOptions) => {
      await simulate(file, options, terminal);
    });
}

async function simulate(file: string, options: SimulateOptions, terminal: Terminal): Promise<void> {
  if (options.address !== undefined && options.dataDir !== undefined) {
    throw badInput("--address and --data-dir exclude each other: a service, or a directory");
  }
  const agentType = parseAgentType(options.agentType, "--agent-type");
  const arms = options.arm.map(parseArmOption);
  requireUsableArms(arms);
  const progress = new Progress(terminal);
  progress.update(() => `reading ${file}`);
  const { codeType: codeTypeColumn, limit } = options;
  const table = await readOutcomeTable({ file, codeTypeColumn, arms, limit });
  if (table.relabelledRows > 0) {
    progress.step(
      `note: ${table.relabelledRows} rows hold a code type that is no label (1 to 64 characters of A-Z, a-z, 0-9 and _ . : + # / -); ` +
        'other characters became "_", and a hash stands for letters of other scripts and for the end of long ones',
    );
  }
  const report = await through(options, progress, terminal, (client) =>
    simulated({ client, agentType, arms, table }, options, progress),
  );
  progress.clear();
  print(terminal, options, report, {
    json: () => report,
    text: () => formatReport(report, arms),
  });
}

async function simulated(
  subject: SimulationSubject,
  options: SimulateOptions,
  progress: Progress,
): Promise<SimulationReport> {
  const { costWeight, passes, seed } = options;
  const { agentType, arms, table } = subject;
  const served = await prepareArms(subject.client, {
    agentType,
    arms,
    costWeight,
    sharedPriorStrengthMax: options.sharedPriorStrength,
  });
  for (const warning of served.warnings) progress.step(`note: ${warning}`);
  const startedMs = progress.elapsedMs();
  const elapsedMs = (): number => progress.elapsedMs() - startedMs;
  const total = table.rowCount * passes;
  const result = await runSimulation({
    ...subject,
    served,
    costWeight,
    passes,
    batchSize: options.batchSize,
    random: seededRandom(seed),
    seededIds: options.address === undefined && options.dataDir === undefined,
    onProgress: (pass, done) =>
      progress.update(() => {
        const rate = describeRate({ done, total, noun: "tasks", elapsedMs: elapsedMs() });
        return `pass ${pass} of ${passes}: ${rate}`;
      }),
  });
  if (learnedCount(result) === 0) {
    const statuses = Object.keys(result.outcomeStatuses).join(", ");
    throw new CliError(
      exitCodes.failed,
      `the service learned from none of the outcomes (${statuses}); see \`banditd mode\``,
    );
  }
  const asked = { passes, seed, costWeight };
  return buildReport(subject, asked, { served, result, elapsedMs: elapsedMs() });
}

function through(
  options: SimulateOptions,
  progress: Progress,
  terminal: Terminal,
  run: (client: BanditClient) => Promise<SimulationReport>,
): Promise<SimulationReport> {
  if (options.address !== undefined) return withAddress(options.address, run);
  if (options.dataDir !== undefined) return withDataDir(options.dataDir, terminal, run);
  const onProgress = (step: string): void => progress.update(() => `starting: ${step}`);
  return withTemporaryService(terminal, onProgress, run);
}
