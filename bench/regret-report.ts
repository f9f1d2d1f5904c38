import { studentTSf, studentTUpperQuantile } from "../src/numerics/student-t.ts";
import { holmAdjustment } from "../src/statistics/holm.ts";
import type { Machine } from "./machine.ts";
import { reference } from "./regret-contenders.ts";
import type { Regrets } from "./regret-worker.ts";
import type { RegretWorld } from "./regret-worlds.ts";

/** Mean over the runs. */
interface Estimate {
  readonly mean: number;
  readonly standardError: number;
  /** Of the 95 % interval. */
  readonly halfWidth: number;
}

interface ContenderFigures {
  readonly name: string;
  /** Of each run, the first with seed 1. */
  readonly regrets: readonly number[];
  readonly regret: Estimate;
  /** To the default, run by run; the p-value is that of no difference. Absent for the default itself. */
  readonly difference?: Estimate & { readonly pValue: number };
  /** `below`: the interval of the difference is below 0. `below_by_holm`: also as one of all comparisons. */
  readonly verdict: "below" | "below_by_holm" | "not_below";
}

interface WorldFigures {
  readonly world: RegretWorld;
  /** By mean regret. */
  readonly contenders: readonly ContenderFigures[];
}

export interface RegretReport {
  readonly startedAt: string;
  readonly machine: Machine;
  readonly runs: number;
  readonly refreshEvery: number;
  /** Packages of the others; none when they were not there. */
  readonly packages: readonly string[];
  readonly worlds: readonly WorldFigures[];
}

/** @param played of each world the regrets of the runs 1, 2, … */
export function worldFigures(played: ReadonlyMap<RegretWorld, readonly Regrets[]>): WorldFigures[] {
  const compared = Array.from(played, ([world, runs]) => ({ world, contenders: compare(runs) }));
  const pValues = compared.flatMap(({ contenders }) =>
    contenders.flatMap(({ difference }) => (difference === undefined ? [] : [difference.pValue])),
  );
  const holm = holmAdjustment(pValues);
  if (!holm.ok) throw new Error(holm.refusal.message);
  const decisions = holm.value.values();
  return compared.map(({ world, contenders }) => ({
    world,
    contenders: contenders
      .map((contender): ContenderFigures => {
        const { difference } = contender;
        if (difference === undefined) return { ...contender, verdict: "not_below" };
        const isRejected = decisions.next().value?.rejected;
        const isBelow = difference.mean + difference.halfWidth < 0;
        const verdict = isBelow ? (isRejected ? "below_by_holm" : "below") : "not_below";
        return { ...contender, verdict };
      })
      .sort((a, b) => a.regret.mean - b.regret.mean),
  }));
}

function compare(runs: readonly Regrets[]): Omit<ContenderFigures, "verdict">[] {
  return Object.keys(runs[0] ?? {}).map((name) => {
    const regrets = runs.map((run) => run[name] as number);
    const contender = { name, regrets, regret: estimate(regrets) };
    if (name === reference) return contender;
    const differences = runs.map((run) => (run[name] as number) - (run[reference] as number));
    const difference = estimate(differences);
    const t = Math.abs(difference.mean) / difference.standardError;
    const pValue = difference.mean === 0 ? 1 : 2 * studentTSf(t, runs.length - 1);
    return { ...contender, difference: { ...difference, pValue } };
  });
}

/** By Student's t. */
function estimate(values: readonly number[]): Estimate {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const standardError = Math.sqrt(squares / (count - 1) / count);
  return {
    mean,
    standardError,
    halfWidth: studentTUpperQuantile(0.025, count - 1) * standardError,
  };
}

/** The report for people, at most 100 columns wide. */
export function regretText(report: RegretReport): string {
  const { machine, runs, worlds } = report;
  const compared = worlds.flatMap(({ contenders }) =>
    contenders.filter(({ difference }) => difference !== undefined),
  );
  const below = compared.filter(({ verdict }) => verdict !== "not_below");
  const byHolm = below.filter(({ verdict }) => verdict === "below_by_holm");
  return [
    "Regret: reward lost in expectation against always serving the best arm",
    `${report.startedAt}, commit ${machine.commit}, node ${machine.node}; banditd` +
      report.packages.map((name) => `, ${name}`).join(""),
    `mean of ${runs} runs ± half of its 95 % interval; learned every ${report.refreshEvery} decisions`,
    ...worlds.flatMap(worldLines),
    "",
    `Below the default at the 95 % level: ${below.length} of ${compared.length}, ${byHolm.length} by Holm over all`,
    "Of contenders that are the default's equals 1 in 40 would be below by chance, by Holm none.",
  ].join("\n");
}

function worldLines({ world, contenders }: WorldFigures): string[] {
  const { name, means, steps, spread, outcomeDelay, swapEvery, halfLife } = world;
  const arms = means.length > 4 ? `${means[0]}, ${means[1]}, … ${means.at(-1)}` : means.join(", ");
  const about = [
    `${means.length} arms of ${arms}`,
    spread === undefined ? "0/1" : `spread ${spread}`,
    `${steps} decisions`,
    ...(outcomeDelay === undefined ? [] : [`outcomes ${outcomeDelay} decisions late`]),
    ...(swapEvery === undefined ? [] : [`swapped every ${swapEvery}`]),
    ...(halfLife === undefined ? [] : [`ours with a half-life of ${halfLife}`]),
  ];
  return [
    "",
    `── ${name} `.padEnd(80, "─"),
    `   ${about.join("; ")}`,
    ...contenders.map(contenderLine),
  ];
}

function contenderLine({ name, regret, difference, verdict }: ContenderFigures): string {
  const compared =
    difference === undefined
      ? ""
      : `${difference.mean < 0 ? "−" : "+"}${estimateText({ ...difference, mean: Math.abs(difference.mean) })}`;
  const mark = { below: "below", below_by_holm: "below, by Holm too", not_below: "" }[verdict];
  return `  ${name.padEnd(28)}${estimateText(regret).padStart(16)}${compared.padStart(18)}  ${mark}`.trimEnd();
}

function estimateText({ mean, halfWidth }: Estimate): string {
  return `${mean.toFixed(1)} ± ${halfWidth.toFixed(1)}`;
}
