/**
 * npm run bench:regret: the regret of every policy on one problem, as a table and as a chart (SVG), see
 * docs/concepts/algorithms.md. The same arguments give the same bytes.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import type { Algorithm } from "../src/domain/policy.ts";
import {
  algorithmsWithDefaults as defaults,
  purePolicy,
} from "../test/support/algorithms-with-defaults.ts";
import { simulate } from "../test/support/bandit-simulation.ts";
import { type RegretCurve, regretChartSvg } from "./regret-chart.ts";

const usage = `usage: npm run bench:regret -- [options] [FILE]
  FILE               where the chart goes   (docs/assets/regret.svg)
  --runs N           runs of each policy, with the seeds 1, 2, …   (200)
  --steps N          decisions in a run   (10000)
  --refresh-every N  decisions between two allocations; 10 is 200 a second at the default 50 ms   (10)
Exit code: 0 measured; 2 usage.`;

const means = [0.5, 0.45, 0.4, 0.3];
const pointsMax = 200;

const epsilonGreedy = (epsilon: number, decayHalfLifeGenerations: number): Algorithm => ({
  kind: "epsilon_greedy",
  epsilon,
  decayHalfLifeGenerations,
});

/**
 * What is compared, in the order of the colours. The linear model is given a feature that says nothing: what
 * contexts cost where they are of no use. The decaying epsilon is 100 / (100 + n).
 */
const policies: readonly { readonly label: string; readonly algorithm: Algorithm }[] = [
  { label: "Thompson sampling", algorithm: defaults.thompson_sampling },
  { label: "top-two Thompson", algorithm: defaults.top_two_thompson },
  { label: "Gaussian Thompson", algorithm: defaults.gaussian_thompson },
  { label: "linear Thompson", algorithm: defaults.linear_thompson },
  { label: "KL-UCB", algorithm: defaults.kl_ucb },
  { label: "UCB1", algorithm: defaults.ucb1 },
  { label: "epsilon-greedy 0.1", algorithm: epsilonGreedy(0.1, 0) },
  { label: "decaying epsilon-greedy", algorithm: epsilonGreedy(1, 100) },
  { label: "softmax 0.05", algorithm: defaults.softmax },
  { label: "uniform", algorithm: epsilonGreedy(1, 0) },
];

interface Settings {
  readonly file: string;
  readonly runs: number;
  readonly steps: number;
  readonly refreshEvery: number;
}

function readSettings(): Settings {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        runs: { type: "string", default: "200" },
        steps: { type: "string", default: "10000" },
        "refresh-every": { type: "string", default: "10" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
    const [file = "docs/assets/regret.svg", ...more] = positionals;
    if (more.length > 0) throw new Error("there can be one file only");
    return {
      file,
      runs: count("runs", values.runs, 2),
      steps: count("steps", values.steps, 10),
      refreshEvery: count("refresh-every", values["refresh-every"], 1),
    };
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    process.exit(2);
  }
}

function count(name: string, text: string, min: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw new Error(`--${name} ${text} is no whole number from ${min}`);
}

/** Regret at equally spaced steps, for each run. */
function regretsOf(algorithm: Algorithm, settings: Settings): number[][] {
  const { runs, steps, refreshEvery } = settings;
  const points = Math.min(pointsMax, steps);
  return Array.from({ length: runs }, (_, run) => {
    const regrets = [0];
    simulate(
      {
        policy: purePolicy(algorithm),
        world: {
          armCount: means.length,
          meansAt: () => means,
          drawFeatures: (unit) => ({ x: 2 * unit() - 1 }),
        },
        steps,
        refreshEvery,
        seed: run + 1,
      },
      ({ step, regret }) => {
        if (step + 1 === Math.round((regrets.length * steps) / points)) regrets.push(regret);
      },
    );
    return regrets;
  });
}

/** Mean over the runs with two standard errors to either side. */
function curveOf(label: string, regrets: readonly (readonly number[])[]): RegretCurve {
  const runs = regrets.length;
  const mean: number[] = [];
  const band: number[] = [];
  for (let point = 0; point < (regrets[0]?.length ?? 0); point += 1) {
    const values = regrets.map((run) => run[point] as number);
    const average = values.reduce((sum, value) => sum + value, 0) / runs;
    const squares = values.reduce((sum, value) => sum + (value - average) ** 2, 0);
    mean.push(average);
    band.push(2 * Math.sqrt(squares / (runs - 1) / runs));
  }
  return { label, mean, band, mayLeave: label === "uniform" };
}

function tableLine(curve: RegretCurve, regrets: readonly (readonly number[])[]): string {
  const ends = regrets.map((run) => run.at(-1) as number).sort((a, b) => a - b);
  const quantile = (q: number): string =>
    (ends[Math.floor((ends.length - 1) * q)] as number).toFixed(0);
  const mean = `${(curve.mean.at(-1) as number).toFixed(1)} ± ${((curve.band.at(-1) as number) / 2).toFixed(1)}`;
  return `${curve.label.padEnd(26)}${mean.padStart(14)}${quantile(0.1).padStart(8)}${quantile(0.5).padStart(8)}${quantile(0.9).padStart(8)}`;
}

const settings = readSettings();
const { runs, steps, refreshEvery, file } = settings;
console.log(
  `regret after ${steps} decisions, ${runs} runs, arms ${means.join(", ")}, refresh every ${refreshEvery}`,
);
console.log(
  `${"policy".padEnd(26)}${"mean ± s.e.".padStart(14)}${["10 %", "median", "90 %"].map((name) => name.padStart(8)).join("")}`,
);
const curves = policies.map(({ label, algorithm }) => {
  const regrets = regretsOf(algorithm, settings);
  const curve = curveOf(label, regrets);
  console.log(tableLine(curve, regrets));
  return curve;
});
mkdirSync(dirname(file), { recursive: true });
writeFileSync(
  file,
  regretChartSvg({
    title: "Regret of every policy on four arms",
    subtitle: `Bernoulli rewards with means ${means.join(", ")}; mean of ${runs} seeded runs ± 2 standard errors; refreshed every ${refreshEvery} decisions`,
    steps,
    curves,
  }),
);
console.log(`wrote ${file}`);
