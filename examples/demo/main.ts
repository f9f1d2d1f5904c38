// npm run demo: a small fleet of example agents works with a banditd of its own, about half a minute.
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type BanditClient, createBanditClient, type Policy } from "../../src/client/index.ts";
import { type Cell, Fleet } from "./fleet.ts";
import { count, demoReport, judgeBudget, reportText } from "./report.ts";
import { type ServiceProcess, startServiceProcess } from "./service-process.ts";
import { compareStory, type StoryRow, storySql, tellStory } from "./story.ts";
import { table } from "./table.ts";
import { scenes } from "./world.ts";

const usage = `usage: npm run demo -- [options]
  --tasks N     tasks the agents do together, 100 to 1,000,000   (5000)
  --seconds N   stop handing out tasks after this time, 1 to 3,600   (60)
  --seed N      seed of the tasks and their luck, 0 to 1,000,000   (1)
  --json        print JSON

Starts a service (a process of its own, embedded engines, temporary directory, free ports) and lets ten
agents of three types work with it over gRPC. How good each prompt variant is for each code type is known to the
demo and hidden from the service. Everything is gone afterwards.
Exit code: 0; 1 when a call was lost or ClickHouse counted something else than the agents; 2 usage.`;

interface Options {
  readonly tasks: number;
  readonly seconds: number;
  readonly seed: number;
  readonly json: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      tasks: { type: "string", default: "5000" },
      seconds: { type: "string", default: "60" },
      seed: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  const whole = (name: "tasks" | "seconds" | "seed", min: number, max: number): number => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new Error(`--${name} must be a whole number from ${count(min)} to ${count(max)}`);
  };
  return {
    tasks: whole("tasks", 100, 1_000_000),
    seconds: whole("seconds", 1, 3_600),
    seed: whole("seed", 0, 1_000_000),
    json: values.json,
  };
}

/** One line on standard error: rewritten on a screen, a new one every two seconds elsewhere. */
class Progress {
  #shownAtMs = performance.now();

  show(text: () => string): void {
    const nowMs = performance.now();
    if (nowMs - this.#shownAtMs < (process.stderr.isTTY ? 100 : 2_000)) return;
    this.#shownAtMs = nowMs;
    process.stderr.write(process.stderr.isTTY ? `\r${text()}\x1b[K` : `${text()}\n`);
  }

  clear(): void {
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  }
}

async function run(options: Options): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "banditd-demo-"));
  const interrupted = new AbortController();
  const interruption = Promise.race(
    ["SIGINT", "SIGTERM"].map(async (signal): Promise<never> => {
      await once(process, signal, { signal: interrupted.signal });
      throw new Error(`interrupted by ${signal}`);
    }),
  );
  interruption.catch(() => undefined);
  let service: ServiceProcess | undefined;
  const progress = new Progress();
  try {
    const starting = startServiceProcess(dataDir, (step) =>
      progress.show(() => `starting: ${step}`),
    );
    service = await starting;
    progress.clear();
    await Promise.race([play(service, options, progress), interruption]);
  } finally {
    interrupted.abort();
    await service?.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function play(service: ServiceProcess, options: Options, progress: Progress): Promise<void> {
  const { tasks, seconds, seed, json } = options;
  let repeated = 0;
  const client = createBanditClient({
    address: service.address,
    onRepeat: () => {
      repeated += 1;
    },
  });
  try {
    const info = await client.getServiceInfo({});
    const engines = [info.stateEngine, info.catalogueEngine, info.eventsEngine].join(", ");
    if (!json) {
      const agents = scenes.map((scene) => `${scene.agents} ${scene.agentType}`).join(", ");
      console.log(`banditd answers at ${service.address} (gRPC)
engines: ${engines}
agents: ${agents}; each asks for a variant, works, reports the run, and outcomes follow later
`);
    }
    const startedMs = performance.now();
    const fleet = new Fleet({
      client,
      scenes,
      policies: await loadPolicies(client),
      tasks,
      secondsMax: seconds,
      seed,
      onProgress: (done) =>
        progress.show(() => {
          const perSecond = (1000 * done) / (performance.now() - startedMs);
          return `${count(done)} of ${count(tasks)} tasks, ${perSecond.toFixed(0)}/s`;
        }),
    });
    await fleet.run();
    progress.clear();
    if (fleet.lost.length > 0) {
      throw new Error(
        `${fleet.lost.length} calls were lost, the first: ${fleet.lost[0]}\n${service.lastWords()}`.trim(),
      );
    }
    const elapsedMs = performance.now() - startedMs;
    const shareOf = await loadShares(client);
    const report = demoReport({ fleet, scenes, shareOf, repeated, elapsedMs });
    const story = await tellStory(client);
    const failures = compareStory(story, fleet);
    if (json) {
      const budget = judgeBudget(report).verdict;
      const whole = { ...report, budget, sql: storySql, sql_rows: story, failures };
      console.log(JSON.stringify(whole, undefined, 2));
    } else {
      console.log(reportText(report) + storyText(story, info.eventsEngine));
    }
    if (failures.length > 0) throw new Error(failures.join("\n  "));
    if (!json) {
      console.log("ClickHouse has exactly the decisions, outcomes and rewards the agents counted.");
    }
  } finally {
    client.close();
  }
}

function storyText(rows: readonly StoryRow[], eventsEngine: string): string {
  const names = Object.keys(rows[0] ?? {});
  const titles = names.map((name, index) => (index < 3 ? name : `>${name}`));
  const cell = (value: unknown): string =>
    typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value);
  return `The same from the raw events, answered by ClickHouse (${eventsEngine}):

${storySql.replaceAll(/^/gm, "  ")}

${table(
  titles,
  rows.map((row) => names.map((name) => cell(row[name]))),
)}`;
}

async function loadPolicies(client: BanditClient): Promise<ReadonlyMap<string, Policy>> {
  const policies = new Map<string, Policy>();
  for (const { agentType } of scenes) {
    const { record } = await client.getPolicy({ agentType });
    if (record?.policy !== undefined) policies.set(agentType, record.policy);
  }
  return policies;
}

async function loadShares(client: BanditClient): Promise<(arm: Cell) => number> {
  const shares = new Map<string, number>();
  for (const { agentType, codeTypes } of scenes) {
    for (const { codeType } of codeTypes) {
      const { allocation } = await client.getAllocation({ agentType, codeType });
      for (const arm of allocation?.arms ?? []) {
        shares.set(`${agentType}|${codeType}|${arm.name}`, arm.share);
      }
    }
  }
  return ({ agentType, codeType, variantName }) =>
    shares.get(`${agentType}|${codeType}|${variantName}`) ?? 0;
}

let options: Options | undefined;
try {
  options = readOptions();
} catch (error) {
  console.error(`${(error as Error).message}\n\n${usage}`);
  process.exitCode = 2;
}
if (options !== undefined) {
  try {
    await run(options);
  } catch (error) {
    console.error(`the demo failed: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
