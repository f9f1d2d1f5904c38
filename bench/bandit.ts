/**
 * What the learning core costs, on one thread and without any I/O, for every algorithm:
 *
 *     node bench/bandit.ts [--rounds 200] [--arms 2,10,100,1000] [--strict]
 *
 * Posteriors are moderate and close to each other, the case in which no arm can be left out. Each figure is the
 * median over the rounds, after as many rounds of warm-up. `--strict`: exit code 1 when a goal is missed.
 */
import { parseArgs } from "node:util";
import type { Allocation } from "../src/bandit/allocation.ts";
import { Allocator } from "../src/bandit/allocator.ts";
import { defaultPolicy } from "../src/bandit/default-policy.ts";
import { draw } from "../src/bandit/draw.ts";
import type { RewardTotals } from "../src/domain/contribution.ts";
import { parseVariantId, type VariantId } from "../src/domain/ids.ts";
import type { Algorithm } from "../src/domain/policy.ts";
import { algorithmsWithDefaults } from "../test/support/algorithms-with-defaults.ts";

const usage = "usage: node bench/bandit.ts [--rounds NUMBER] [--arms LIST] [--strict]";
const drawsPerRound = 10_000;
/** The most that a policy may have: an intercept and 16 features. */
const contextLength = 17;

interface Settings {
  readonly rounds: number;
  readonly arms: readonly number[];
  readonly strict: boolean;
}

/** One line of the table, in microseconds. */
interface Figures {
  readonly algorithm: string;
  readonly arms: number;
  /** First allocation from totals. */
  readonly coldUs: number;
  /** Allocation after the totals of one arm have changed. */
  readonly oneChangedUs: number;
  /** A decision while nothing changes: a draw, and for a contextual algorithm the allocation for its context. */
  readonly decisionUs: number;
}

const algorithms: readonly Algorithm[] = Object.values(algorithmsWithDefaults).map((algorithm) =>
  algorithm.kind === "linear_thompson"
    ? {
        ...algorithm,
        features: Array.from({ length: contextLength - 1 }, (_, at) => ({
          name: `f${at}`,
          mean: 0,
          scale: 1,
        })),
      }
    : algorithm,
);

function readSettings(): Settings {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: "string", default: "200" },
        arms: { type: "string", default: "2,10,100,1000" },
        strict: { type: "boolean", default: false },
      },
    });
    const rounds = Number(values.rounds);
    const arms = values.arms.split(",").map(Number);
    const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1;
    if (!isCount(rounds)) throw new Error(`--rounds ${values.rounds} is no whole number above 0`);
    if (!arms.every((count) => isCount(count) && count >= 2 && count <= 10_000)) {
      throw new Error(`--arms ${values.arms} is no list of numbers from 2 to 10,000`);
    }
    return { rounds, arms, strict: values.strict };
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    process.exit(2);
  }
}

function variantIds(count: number): VariantId[] {
  return Array.from({ length: count }, (_, arm) => parseVariantId(`bench/v${arm}@1`));
}

/** The totals of an arm after 110 outcomes. @param change a little more or less reward. */
function totalsOf(arm: number, change: number): RewardTotals {
  // Spread evenly and all different, whatever the number of arms: multiples of the golden ratio, modulo 1.
  const reward = 50 + 7 * ((arm * 0.6180339887498949) % 1) + change;
  const products: number[] = [];
  for (let row = 0; row < contextLength; row += 1) {
    for (let column = row; column < contextLength; column += 1) {
      products.push(row === column ? 110 : 5 * Math.sin(row + column + arm));
    }
  }
  const rewards = Array.from({ length: contextLength }, (_, at) =>
    at === 0 ? reward : Math.cos(at * arm),
  );
  return {
    reward,
    weight: 110,
    squares: reward * 0.8,
    generations: 110,
    position: 0,
    context: { epoch: 0, products, rewards },
  };
}

function newAllocator(algorithm: Algorithm, ids: readonly VariantId[]): Allocator {
  const allocator = new Allocator({
    policy: { ...defaultPolicy, algorithm },
    variantIds: ids,
    baselineId: ids[0] as VariantId,
  });
  ids.forEach((id, arm) => {
    allocator.setTotals(id, totalsOf(arm, 0));
  });
  return allocator;
}

/** Median time of one call in microseconds; `prepare` is not counted. */
function medianUs<Prepared>(
  rounds: number,
  prepare: (round: number) => Prepared,
  call: (prepared: Prepared) => void,
): number {
  const timesMs: number[] = [];
  for (let round = 0; round < 2 * rounds; round += 1) {
    const prepared = prepare(round);
    const start = performance.now();
    call(prepared);
    timesMs.push(performance.now() - start);
  }
  const measured = timesMs.slice(rounds).sort((a, b) => a - b);
  return (measured[measured.length >> 1] as number) * 1000;
}

/** Keeps what was computed, so that computing it is not left out. */
let kept = 0;

function drawUs(
  rounds: number,
  allocation: Allocation,
  allowed: readonly VariantId[] | undefined,
): number {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  const perRound = medianUs(
    rounds,
    (round) => round,
    (round) => {
      for (let count = 0; count < drawsPerRound; count += 1) {
        view.setUint32(4, count);
        view.setUint32(8, round);
        kept += draw(allocation, bytes, allowed)?.index ?? 0;
      }
    },
  );
  return perRound / drawsPerRound;
}

/** An allocation for a context that is a new one every time, and a draw from it. */
function contextualDecisionUs(rounds: number, allocator: Allocator): number {
  const bytes = new Uint8Array(16);
  return medianUs(
    rounds,
    (round) =>
      Array.from({ length: contextLength }, (_, at) => (at === 0 ? 1 : Math.sin(at + round))),
    (context) => {
      kept += draw(allocator.allocate({ context }), bytes)?.index ?? 0;
    },
  );
}

function measure(algorithm: Algorithm, arms: number, rounds: number): Figures {
  const ids = variantIds(arms);
  const allocator = newAllocator(algorithm, ids);
  const allocation = allocator.allocate();
  return {
    algorithm: algorithm.kind,
    arms,
    coldUs: medianUs(
      rounds,
      () => newAllocator(algorithm, ids),
      (fresh) => {
        kept += fresh.allocate().largestShare;
      },
    ),
    oneChangedUs: medianUs(
      rounds,
      (round) => {
        const arm = round % arms;
        allocator.setTotals(ids[arm] as VariantId, totalsOf(arm, (round + 1) * 1e-3));
      },
      () => {
        kept += allocator.allocate().largestShare;
      },
    ),
    decisionUs:
      algorithm.kind === "linear_thompson"
        ? contextualDecisionUs(rounds, allocator)
        : drawUs(Math.ceil(rounds / 10), allocation, undefined),
  };
}

/** Fewer rounds for many arms, so that every size takes about as long. */
function roundsFor(arms: number, rounds: number): number {
  return Math.max(Math.ceil((rounds * 10) / Math.max(arms, 10)), Math.min(rounds, 10));
}

function cell(us: number): string {
  return us.toFixed(us < 10 ? 2 : us < 100 ? 1 : 0).padStart(12);
}

const settings = readSettings();
console.log(
  `${"algorithm".padEnd(20)}${"arms".padStart(6)}${["cold", "one changed", "a decision"].map((name) => name.padStart(12)).join("")}   µs`,
);
const lines: Figures[] = [];
for (const algorithm of algorithms) {
  for (const arms of settings.arms) {
    const line = measure(algorithm, arms, roundsFor(arms, settings.rounds));
    lines.push(line);
    console.log(
      `${line.algorithm.padEnd(20)}${String(arms).padStart(6)}${cell(line.coldUs)}${cell(line.oneChangedUs)}${cell(line.decisionUs)}`,
    );
  }
}

const restricted = settings.arms.map((arms) => {
  const ids = variantIds(arms);
  const allocation = newAllocator({ kind: "thompson_sampling" }, ids).allocate();
  const us = drawUs(Math.ceil(settings.rounds / 10), allocation, ids.slice(0, 2));
  return `${us.toFixed(2)} of ${arms} arms`;
});
console.log(`\na draw when two arms are allowed, µs: ${restricted.join(", ")}`);

/** What the design asks for, as far as it was measured. */
const goals = [
  {
    name: "a draw from 10 arms takes 1 µs at most",
    limitUs: 1,
    us: lines
      .filter(({ arms, algorithm }) => arms === 10 && algorithm !== "linear_thompson")
      .map(({ decisionUs }) => decisionUs),
  },
  {
    name: "one changed arm of 10 takes 200 µs at most, with every algorithm",
    limitUs: 200,
    us: lines.filter(({ arms }) => arms === 10).map(({ oneChangedUs }) => oneChangedUs),
  },
  {
    name: "a decision by linear Thompson sampling, 10 arms and 17 values, takes 50 µs at most",
    limitUs: 50,
    us: lines
      .filter(({ arms, algorithm }) => arms === 10 && algorithm === "linear_thompson")
      .map(({ decisionUs }) => decisionUs),
  },
].filter(({ us }) => us.length > 0);
for (const { name, limitUs, us } of goals) {
  const largest = Math.max(...us);
  console.log(`${largest <= limitUs ? "ok     " : "MISSED "} ${name}: ${largest.toFixed(2)}`);
}
if (!Number.isFinite(kept)) throw new Error("something that was computed is no number");
if (settings.strict && goals.some(({ us, limitUs }) => Math.max(...us) > limitUs))
  process.exitCode = 1;
