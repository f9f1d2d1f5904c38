/**
 * Error rates of the statistics for fixed shares: `node bench/experiment-calibration.ts [runs] [looks]`, with
 * 2,000 runs of 5,000 looks if not given (several minutes). Seeded: the same arguments print the same table.
 * docs/concepts/experiments.md quotes it.
 */
import { parseArgs } from "node:util";
import {
  differenceSequence,
  relativeDifferenceSequence,
} from "../src/statistics/confidence-sequence.ts";
import { cupedTest } from "../src/statistics/cuped.ts";
import { refuse } from "../src/statistics/result.ts";
import { sampleRatioSequence, sampleRatioTest } from "../src/statistics/sample-ratio.ts";
import { relativeProportionTest, twoProportionTest } from "../src/statistics/two-proportions.ts";
import { relativeWelchTest, welchTest } from "../src/statistics/welch.ts";
import {
  bernoulli,
  type Draw,
  type IntervalTest,
  missRate,
  type PeekedExperiment,
} from "../test/support/peeked-experiment.ts";
import { sampleBeta, sampleNormal } from "../test/support/sampling.ts";
import {
  counts,
  coverage,
  experiment,
  exponentials,
  normals,
  outcomesWithCovariate,
  rewards,
} from "../test/support/simulated-arms.ts";
import { UnitAssignment } from "../test/support/unit-assignment.ts";

const { positionals } = parseArgs({ allowPositionals: true });
const runs = Number(positionals[0] ?? 2000);
const looks = Number(positionals[1] ?? 5000);
/** A single look costs little: ten times as many runs. */
const runsOfOneLook = 10 * runs;

const skewed: Draw = (source) => sampleBeta(source, { alpha: 0.3, beta: 3 });
const logNormal: Draw = (source) => Math.exp(sampleNormal(source));
const unbounded: IntervalTest = (arms) => differenceSequence(arms, { range: "unbounded" });
const welchFromThirtyOn: IntervalTest = (arms) =>
  Math.min(arms.control.n, arms.treatment.n) < 30
    ? refuse("too_few", "as long as the sequence is silent")
    : welchTest(arms);

function same(draw: Draw, treatmentShare = 0.5): PeekedExperiment {
  return { control: draw, treatment: draw, treatmentShare, truth: 0 };
}

const percent = (rate: number): string => `${(100 * rate).toFixed(1)} %`;

console.log(
  `| looked at after every observation, ${looks} looks, ${runs} runs | intervals missed |`,
);
console.log("|---|---|");
const rates = { control: bernoulli(0.5), treatment: bernoulli(0.6), treatmentShare: 0.5 };
const peeked: [string, IntervalTest, PeekedExperiment][] = [
  ["difference, 0/1, rate 0.5", differenceSequence, same(bernoulli(0.5))],
  ["difference, 0/1, rate 0.1", differenceSequence, same(bernoulli(0.1))],
  ["difference, 0/1, rate 0.5, 1 in 5 treated", differenceSequence, same(bernoulli(0.5), 0.2)],
  ["difference, Beta(0.3, 3) rewards", differenceSequence, same(skewed)],
  ["difference, log-normal, no range", unbounded, same(logNormal)],
  ["difference, log-normal, no range, 1 in 10 treated", unbounded, same(logNormal, 0.1)],
  ["difference, 0/1, 0.5 and 0.6", differenceSequence, { ...rates, truth: 0.1 }],
  ["relative, 0/1, 0.5 and 0.6", relativeDifferenceSequence, { ...rates, truth: 0.2 }],
];
for (const [name, test, setting] of peeked) {
  console.log(`| ${name} | ${percent(missRate(test, setting, { runs, looks }))} |`);
}
const fewerRuns = Math.ceil(runs / 5);
const welch = missRate(welchFromThirtyOn, same(bernoulli(0.5)), { runs: fewerRuns, looks });
console.log(`| Welch's test so, 0/1, rate 0.5 (${fewerRuns} runs) | ${percent(welch)} |`);

console.log(`\n| looked at once, ${runsOfOneLook} runs | 95 % intervals that cover |`);
console.log("|---|---|");
const covering: [string, Parameters<typeof coverage>[0], number][] = [
  ["Welch, normal, 5 and 5", experiment(welchTest, normals(5, 0, 1), normals(5, 1, 1)), 1],
  [
    "Welch, normal, 40 and 10, spreads 1 and 3",
    experiment(welchTest, normals(40, 0, 1), normals(10, 1, 3)),
    1,
  ],
  [
    "Welch, exponential, 100 and 100",
    experiment(welchTest, exponentials(100, 1), exponentials(100, 1.3)),
    0.3,
  ],
  [
    "Welch, Beta rewards, 30 and 60",
    experiment(welchTest, rewards(30, 0.5), rewards(60, 1)),
    1 / 4 - 1 / 7,
  ],
  [
    "relative, Beta rewards, 200 and 200",
    experiment(relativeWelchTest, rewards(200, 2), rewards(200, 2.4)),
    4 / 9 / (2 / 5) - 1,
  ],
  [
    "relative, control mean 10 standard errors from 0",
    experiment(relativeWelchTest, normals(100, 1, 1), normals(100, 1.2, 1)),
    0.2,
  ],
  [
    "relative, control mean 6 standard errors from 0",
    experiment(relativeWelchTest, normals(100, 0.6, 1), normals(100, 0.72, 1)),
    0.2,
  ],
  [
    "Newcombe, rates 0.1 and 0.15, 100 and 100",
    experiment(twoProportionTest, counts(100, 0.1), counts(100, 0.15)),
    0.05,
  ],
  [
    "Newcombe, rates 0.05 and 0.08, 500 and 500",
    experiment(twoProportionTest, counts(500, 0.05), counts(500, 0.08)),
    0.03,
  ],
  [
    "lift, rates 0.05 and 0.08, 500 and 500",
    experiment(relativeProportionTest, counts(500, 0.05), counts(500, 0.08)),
    0.6,
  ],
  [
    "CUPED, 100 and 100, correlation 0.8",
    experiment(cupedTest, outcomesWithCovariate(100, 0, 0.8), outcomesWithCovariate(100, 0.2, 0.8)),
    0.2,
  ],
  [
    "CUPED, 10 and 10, correlation 0.8",
    experiment(cupedTest, outcomesWithCovariate(10, 0, 0.8), outcomesWithCovariate(10, 0.2, 0.8)),
    0.2,
  ],
];
for (const [name, run, truth] of covering) {
  console.log(`| ${name} | ${percent(coverage(run, truth, runsOfOneLook))} |`);
}

console.log("\n| sample ratio, level 0.05 | alarms |");
console.log("|---|---|");
for (const shares of [
  [0.5, 0.5],
  [0.9, 0.1],
  [0.4, 0.3, 0.2, 0.1],
]) {
  let alarms = 0;
  for (let run = 0; run < runsOfOneLook; run += 1) {
    const result = sampleRatioTest(new UnitAssignment(run, shares).after(200), { alpha: 0.05 });
    if (result.ok && result.value.mismatch) alarms += 1;
  }
  console.log(
    `| one look at 200 units, ${shares.join(" : ")} | ${percent(alarms / runsOfOneLook)} |`,
  );
}
for (const [name, test] of [
  ["sequence", sampleRatioSequence],
  ["test of one look", sampleRatioTest],
] as const) {
  let alarms = 0;
  for (let run = 0; run < runs; run += 1) {
    const assignment = new UnitAssignment(run, [0.5, 0.5]);
    for (let look = 0; look < looks; look += 1) {
      const result = test(assignment.next(), { alpha: 0.05 });
      if (!result.ok || !result.value.mismatch) continue;
      alarms += 1;
      break;
    }
  }
  console.log(`| ${name}, looked at after each of ${looks} units | ${percent(alarms / runs)} |`);
}
