/**
 * What the learning core costs, on one thread and without any I/O: `node bench/bandit.ts [rounds]`.
 * Posteriors are moderate and close to each other, the case in which no arm can be left out. Each figure
 * is the median over the rounds, after as many rounds of warm-up.
 */
import { parseArgs } from "node:util";
import { Allocator } from "../src/bandit/allocator.ts";
import { defaultPolicy } from "../src/bandit/default-policy.ts";
import { draw } from "../src/bandit/draw.ts";
import { parseVariantId, type VariantId } from "../src/domain/ids.ts";

const { positionals } = parseArgs({ allowPositionals: true });
const rounds = Number(positionals[0] ?? 300);
const drawsPerRound = 10_000;

function variantIds(count: number): VariantId[] {
  return Array.from({ length: count }, (_, arm) => parseVariantId(`bench/v${arm}@1`));
}

function newAllocator(ids: readonly VariantId[]): Allocator {
  const baselineId = ids[0] as VariantId;
  const allocator = new Allocator({ policy: defaultPolicy, variantIds: ids, baselineId });
  ids.forEach((id, arm) => {
    allocator.setTotals(id, { reward: 50 + arm * 0.07, weight: 110, generations: 110 });
  });
  return allocator;
}

/** Median time of one call in microseconds; `prepare` is not counted. */
function medianUs<Prepared>(
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

function drawUs(arms: number, allowed: number): number {
  const ids = variantIds(arms);
  const allocation = newAllocator(ids).allocate();
  const some = allowed === 0 ? undefined : ids.slice(0, allowed);
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  let sum = 0;
  const perRound = medianUs(
    (round) => round,
    (round) => {
      for (let count = 0; count < drawsPerRound; count += 1) {
        view.setUint32(4, count);
        view.setUint32(8, round);
        sum += draw(allocation, bytes, some)?.index ?? 0;
      }
    },
  );
  if (sum < 0) throw new Error("unreachable; keeps the loop from being optimised away");
  return perRound / drawsPerRound;
}

function coldUs(arms: number): number {
  const ids = variantIds(arms);
  return medianUs(
    () => newAllocator(ids),
    (allocator) => {
      allocator.allocate();
    },
  );
}

function changedArmUs(arms: number): number {
  const ids = variantIds(arms);
  const allocator = newAllocator(ids);
  allocator.allocate();
  return medianUs(
    (round) => {
      const id = ids[round % arms] as VariantId;
      allocator.setTotals(id, { reward: 50 + round * 0.01, weight: 110, generations: 110 });
    },
    () => {
      allocator.allocate();
    },
  );
}

const rows = [2, 10, 100].map((arms) => ({
  arms,
  "draw (µs)": drawUs(arms, 0).toFixed(3),
  "draw, 2 allowed (µs)": drawUs(arms, 2).toFixed(3),
  "one changed arm (µs)": changedArmUs(arms).toFixed(0),
  "cold (µs)": coldUs(arms).toFixed(0),
}));
console.table(rows);
