import { Command } from "commander";
import { type BanditClient, createBanditClient, type Policy } from "../../client/index.ts";
import { buildDemoReport, findFailures, judgeBudget } from "../demo/demo-report.ts";
import { runFleet } from "../demo/fleet.ts";
import { formatDemoReport, formatOpening } from "../demo/format-demo.ts";
import { type ServiceProcess, startServiceProcess } from "../demo/service-process.ts";
import { compareStory, storySql, tellStory } from "../demo/sql-story.ts";
import { type Scene, scenes } from "../demo/world.ts";
import { CliError, exitCodes } from "../exit-code.ts";
import { wholeNumber } from "../parse-option.ts";
import { withTemporaryDirectory } from "../temporary-directory.ts";
import { printJson, type Terminal } from "../terminal.ts";
import { describeRate, Progress } from "../text/progress.ts";
import { formatQueryResult, rowsOf } from "../text/query-result.ts";

const tasksDefault = 5000;
const secondsDefault = 60;
const seedMax = 1_000_000;

interface DemoOptions {
  readonly tasks: number;
  readonly seconds: number;
  readonly seed: number;
  readonly json?: true;
}

export function demoCommand(terminal: Terminal): Command {
  return new Command("demo")
    .description("watch the service learn: a small fleet of example agents, about half a minute")
    .option(
      "--tasks <count>",
      "tasks the agents do together",
      wholeNumber(100, 1_000_000),
      tasksDefault,
    )
    .option(
      "--seconds <count>",
      "stop handing out tasks after this time",
      wholeNumber(1, 3600),
      secondsDefault,
    )
    .option("--seed <number>", "seed of the tasks and their luck", wholeNumber(0, seedMax), 1)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Starts a service (a process of its own, embedded engines, temporary directory, free ports) and lets ten
agents of three types work with it over gRPC. How good each prompt variant is for each code type is known to the
demo and hidden from the service. Everything is gone afterwards.
Exits with 1 if a call failed, the best variant was not found, ClickHouse counted something else
than the agents, or the overhead went over its budget while an empty call was fast.`,
    )
    .action(async (options: DemoOptions) => {
      const progress = new Progress(terminal);
      progress.step("starting a service on embedded engines in a temporary directory");
      await withTemporaryDirectory(terminal, async (dataDir, interrupted) => {
        const service = await startServiceProcess({
          dataDir,
          onProgress: (step) => progress.update(() => `starting: ${step}`),
        });
        const client = createBanditClient({ address: service.address });
        try {
          await Promise.race([
            runDemo(client, service, { options, terminal, progress }),
            interrupted,
          ]);
        } finally {
          client.close();
          await service.stop();
        }
      });
    });
}

async function runDemo(
  client: BanditClient,
  service: ServiceProcess,
  shown: { options: DemoOptions; terminal: Terminal; progress: Progress },
): Promise<void> {
  const { options, terminal, progress } = shown;
  progress.clear();
  const info = await client.getServiceInfo({});
  if (!options.json) terminal.out(formatOpening({ ...info, address: service.address }, scenes));
  const policies = await loadPolicies(client, scenes);
  const startedMs = terminal.monotonicMs();
  const elapsedMs = (): number => terminal.monotonicMs() - startedMs;
  const fleet = await runFleet({
    client,
    scenes,
    policies,
    tasks: options.tasks,
    secondsMax: options.seconds,
    seed: options.seed,
    monotonicMs: () => terminal.monotonicMs(),
    onProgress: (done) =>
      progress.update(() =>
        describeRate({ done, total: options.tasks, noun: "tasks", elapsedMs: elapsedMs() }),
      ),
  });
  progress.clear();
  if (fleet.failures.length > 0) {
    throw new CliError(
      exitCodes.failed,
      `the demo failed: ${fleet.failures.length} calls went wrong, the first: ${fleet.failures[0]}\n${service.lastWords()}`.trim(),
    );
  }
  const shareOf = await loadShares(client, scenes);
  const report = buildDemoReport({ fleet, scenes, shareOf, elapsedMs: elapsedMs() });
  const story = await tellStory(client);
  const failures = [...findFailures(report), ...compareStory(story, fleet)];
  if (options.json) {
    const titles = story.columns.map((column) => column.name);
    const rows = rowsOf(story).map((row) =>
      Object.fromEntries(row.map((value, index) => [titles[index] as string, value])),
    );
    printJson(terminal, {
      ...report,
      budget: judgeBudget(report).verdict,
      sql: storySql,
      sql_rows: rows,
      failures,
    });
  } else {
    terminal.out(formatDemoReport(report));
    terminal.out(
      `The same from the raw events, answered by ClickHouse (${info.eventsEngine}):\n\n`,
    );
    terminal.out(`${storySql.replaceAll(/^/gm, "  ")}\n\n${formatQueryResult(story)}\n`);
    if (failures.length === 0) {
      terminal.out(
        "ClickHouse has exactly the decisions, outcomes and rewards the agents counted.\n",
      );
    }
  }
  if (failures.length > 0) {
    throw new CliError(exitCodes.failed, `the demo failed:\n  ${failures.join("\n  ")}`);
  }
}

async function loadPolicies(
  client: BanditClient,
  played: readonly Scene[],
): Promise<ReadonlyMap<string, Policy>> {
  const policies = new Map<string, Policy>();
  for (const { agentType } of played) {
    const { record } = await client.getPolicy({ agentType });
    if (record?.policy !== undefined) policies.set(agentType, record.policy);
  }
  return policies;
}

async function loadShares(client: BanditClient, played: readonly Scene[]) {
  const shares = new Map<string, number>();
  for (const { agentType, codeTypes } of played) {
    for (const { codeType } of codeTypes) {
      const { allocation } = await client.getAllocation({ agentType, codeType });
      for (const arm of allocation?.arms ?? []) {
        shares.set(`${agentType}|${codeType}|${arm.name}`, arm.share);
      }
    }
  }
  return (arm: { agentType: string; codeType: string; variantName: string }): number =>
    shares.get(`${arm.agentType}|${arm.codeType}|${arm.variantName}`) ?? 0;
}
