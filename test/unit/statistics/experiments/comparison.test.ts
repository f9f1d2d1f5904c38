import { describe, expect, it } from "vitest";
import { SeededGenerator } from "../../../../src/numerics/random-generator.ts";
import { compareAdaptive } from "../../../../src/statistics/experiments/adaptive-comparison.ts";
import type {
  ComparedDecision,
  ComparedDecisions,
} from "../../../../src/statistics/experiments/compared-decision.ts";
import {
  compareFixed,
  type FixedComparison,
} from "../../../../src/statistics/experiments/fixed-comparison.ts";
import type { Result } from "../../../../src/statistics/result.ts";
import { accepted, reasonOf } from "../../../fixtures/reference/statistics-reference.ts";

const request = {
  control: "a",
  treatments: [],
  level: 0.95,
  missing: "drop",
  includeOpenWindows: false,
  unbounded: false,
} as const;
const fixed = { ...request, tightestAt: 1000, hasCovariate: false };
const vector = { arms: ["a", "b"], probabilities: [0.5, 0.5] };

/** Half of each arm; b succeeds more often. The reward of every tenth decision is a sum of weighted parts. */
function decisions(count = 2000): ComparedDecision[] {
  const source = SeededGenerator.fromSeed(5);
  return Array.from({ length: count }, (_, index) => {
    const arm = source.next() < 0.5 ? "a" : "b";
    const isSuccess = source.next() < (arm === "a" ? 0.4 : 0.6);
    const exact = isSuccess ? 1 : 0;
    const reward = index % 10 === 0 && isSuccess ? 0.1 + 0.2 + 0.7 : exact;
    return { arm, context: "", reward, vector, decidedAtMs: index, windowIsOpen: false };
  });
}

async function* streamed(rows: readonly ComparedDecision[]): AsyncGenerator<ComparedDecision> {
  yield* rows;
}

/** What both comparisons have. */
interface Compared extends Pick<FixedComparison, "counts" | "treatments"> {
  readonly comparisons: readonly {
    readonly difference: Result<{ readonly estimate: number; readonly low: number }>;
  }[];
}
type Compare = (rows: ComparedDecisions, change?: object) => Promise<Result<Compared>>;

const differenceOf = ({ comparisons: [first] }: Compared) =>
  accepted((first as Compared["comparisons"][number]).difference);

const kinds: readonly (readonly [string, Compare])[] = [
  ["fixed", (rows, change) => compareFixed(rows, { ...fixed, ...change })],
  [
    "adaptive",
    (rows, change) => compareAdaptive(rows, { ...request, weighting: "uniform", ...change }),
  ],
];

describe.each(kinds)("a comparison with %s shares", (_, compare) => {
  it("takes rows in memory or as they come, and finds the better arm", async () => {
    const inMemory = accepted(await compare(decisions()));
    expect(accepted(await compare(streamed(decisions())))).toEqual(inMemory);
    expect(inMemory.treatments).toEqual(["b"]);
    expect(differenceOf(inMemory).low).toBeGreaterThan(0);
    expect(inMemory.counts).toEqual({
      decisions: 2000,
      withoutReward: 0,
      windowOpen: 0,
      rewards: "binary",
    });
  });

  it("refuses arms that the log does not have", async () => {
    const rows = decisions(10);
    expect(reasonOf(await compare(rows, { control: "c" }))).toBe("unknown_arm");
    expect(reasonOf(await compare(rows, { treatments: ["c"] }))).toBe("unknown_arm");
    expect(accepted(await compare([], { treatments: ["c"] })).treatments).toEqual(["c"]);
  });

  it("leaves out what has no reward or may have another yet, or counts as 0 what never got one", async () => {
    const [first, ...rest] = decisions() as [ComparedDecision, ...ComparedDecision[]];
    const { reward: _, ...unknown } = first;
    const open = { ...first, reward: 1, windowIsOpen: true };
    const rows = [unknown, unknown, open, ...rest];
    const dropped = accepted(await compare(rows));
    expect(dropped.counts).toMatchObject({ decisions: 2002, withoutReward: 2, windowOpen: 1 });
    const early = accepted(await compare(rows, { includeOpenWindows: true }));
    const zero = accepted(await compare(rows, { missing: "zero" }));
    expect(zero.counts).toMatchObject({ decisions: 2002, withoutReward: 2, windowOpen: 1 });
    // The open one is left out though it has a reward: who has answered already may depend on the arm.
    const without = accepted(await compare([unknown, unknown, unknown, ...rest]));
    expect(differenceOf(dropped).estimate).toBe(differenceOf(without).estimate);
    const within = accepted(await compare([unknown, unknown, { ...first, reward: 1 }, ...rest]));
    expect(differenceOf(early).estimate).toBe(differenceOf(within).estimate);
    expect(differenceOf(early).estimate).not.toBe(differenceOf(dropped).estimate);
    const closed = { ...first, reward: 0 };
    const same = accepted(await compare([closed, closed, ...rest], { missing: "zero" }));
    expect(differenceOf(zero).estimate).toBeCloseTo(differenceOf(same).estimate, 12);
  });
});

describe("the ratio of a comparison with fixed shares", () => {
  it.each([
    [{ a: 0.5 }, "unknown_arm"],
    [{ a: 0.5, b: 0.4, c: 0.1 }, "unknown_arm"],
    [{ a: 0.5, b: 0.4 }, "out_of_range"],
  ])("%o is refused: %s", async (shares, reason) => {
    const ratio = new Map(Object.entries(shares));
    expect(
      reasonOf(await compareFixed(decisions(100), { ...fixed, treatments: ["b"], ratio })),
    ).toBe(reason);
  });
});
