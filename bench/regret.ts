// npm run bench:regret: what the defaults lose beside other algorithms and projects, see docs/concepts/algorithms.md.
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { runBench } from "./arguments.ts";
import { describeMachine } from "./machine.ts";
import { refreshEvery } from "./regret-contenders.ts";
import { installOthers, otherPackages } from "./regret-others.ts";
import { type RegretReport, regretText, worldFigures } from "./regret-report.ts";
import type { Regrets, RegretTask } from "./regret-worker.ts";
import { type RegretWorld, regretWorlds } from "./regret-worlds.ts";

const usage = `usage: npm run bench:regret -- [options]
  --runs N       runs of each world, with the seeds 1, 2, …   (20)
  --worlds LIST  ${regretWorlds
    .map(({ name }) => name)
    .join(",")
    .replaceAll(/(.{60,72}),/g, "$1,\n                 ")}
                 (all)
  --steps N      no more decisions in a run than this
  --own          without the contenders of mabwiser and Vowpal Wabbit, which are installed into
                 dist on first use
  --python PATH  the Python that they are installed for   (python3)
  --workers N    runs at a time   (one for each CPU)
  --out FILE     write every figure of every run as JSON
  --strict       exit with 1 when a contender is below the default at the 95 % level
Exit code: 0 measured; 1 something failed (or, with --strict, somebody was below); 2 usage.
The figures of one machine are those of any other.`;

await runBench({
  usage,
  values: ["runs", "worlds", "steps", "python", "workers", "out"],
  flags: ["own", "strict"],
  read(args) {
    const runs = args.whole("runs", 20);
    if (runs < 2) throw new Error("--runs must be at least 2: one run has no interval");
    return {
      stores: [],
      runs,
      worlds: worldsNamed(args.text("worlds"), args.whole("steps", Number.MAX_SAFE_INTEGER)),
      python: args.flag("own") ? undefined : (args.text("python") ?? "python3"),
      workers: args.whole("workers", availableParallelism()),
      out: args.text("out"),
      strict: args.flag("strict"),
    };
  },
  async measure({ runs, worlds, python, workers, out, strict }) {
    const startedAt = new Date().toISOString();
    const machine = describeMachine("not pinned");
    const interpreter = python === undefined ? undefined : await interpreterOf(python);
    const played = await playAll({ runs, worlds, workers, interpreter });
    const packages = interpreter === undefined ? [] : otherPackages;
    const figures = worldFigures(played);
    const report: RegretReport = {
      ...{ startedAt, machine, runs, refreshEvery, packages, worlds: figures },
    };
    console.log(regretText(report));
    if (out !== undefined) {
      await writeFile(out, `${JSON.stringify(report, undefined, 2)}\n`);
      console.log(`\nwritten to ${out}`);
    }
    const anyBelow = figures.some(({ contenders }) =>
      contenders.some(({ verdict }) => verdict !== "not_below"),
    );
    return strict && anyBelow ? 1 : 0;
  },
});

/** @throws for a name that is none */
function worldsNamed(list: string | undefined, stepsMax: number): RegretWorld[] {
  const names = list?.split(",") ?? regretWorlds.map(({ name }) => name);
  return names.map((name) => {
    const world = regretWorlds.find((known) => known.name === name);
    if (world === undefined) throw new Error(`--worlds: there is no world "${name}"`);
    return { ...world, steps: Math.min(world.steps, stepsMax) };
  });
}

async function interpreterOf(python: string): Promise<string | undefined> {
  console.error(`… ${otherPackages.join(" and ")}, installed if they are not there`);
  try {
    return await installOthers(python);
  } catch (error) {
    console.error(
      `${otherPackages.join(" and ")} cannot be installed (${(error as Error).message}).\n` +
        "Only banditd's own contenders are shown. Vowpal Wabbit has packages for some versions of Python; --python names one.",
    );
    return undefined;
  }
}

/** Each worker takes the next run of a world until there is none; so the order of work says nothing in the figures. */
async function playAll(options: {
  readonly runs: number;
  readonly worlds: readonly RegretWorld[];
  readonly workers: number;
  readonly interpreter: string | undefined;
}): Promise<Map<RegretWorld, Regrets[]>> {
  const { runs, worlds, interpreter } = options;
  const played = new Map<RegretWorld, Regrets[]>(worlds.map((world) => [world, []]));
  const tasks = worlds
    .flatMap((world) =>
      Array.from({ length: runs }, (_, at): RegretTask => ({ world, run: at + 1 })),
    )
    .values();
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL("regret-worker.ts", import.meta.url), {
      workerData: { interpreter },
    });
    for (const task of tasks) {
      if (task.run === 1) console.error(`… ${task.world.name}`);
      worker.postMessage(task);
      const [regrets] = (await once(worker, "message")) as [Regrets];
      (played.get(task.world) as Regrets[])[task.run - 1] = regrets;
    }
    worker.postMessage(undefined);
    await once(worker, "exit");
  };
  await Promise.all(Array.from({ length: options.workers }, work));
  return played;
}
