import { describe, expect, it } from "vitest";
import { SeededGenerator } from "../../src/numerics/random-generator.ts";
import { Aipw, type ArmDifference } from "../../src/statistics/aipw.ts";
import type { Result } from "../../src/statistics/result.ts";
import { stratifiedDifference } from "../../src/statistics/stratified.ts";
import { rateMax } from "../support/rate-bound.ts";

/** Two code types of equal traffic: a's mean over both is 0.5, and so is b's. */
const codeTypes = [
  { name: "left", shareOfA: 0.5, means: [0.35, 0.65] },
  { name: "right", shareOfA: 0.95, means: [0.65, 0.35] },
] as const;
const runs = 300;
const decisions = 8000;
const level = 0.05;

const options = { arms: ["a", "b"], control: 0 };

function run(seed: number): { stratified: Result<ArmDifference>; pooled: Result<ArmDifference> } {
  const source = SeededGenerator.fromSeed(seed);
  const pooled = new Aipw(options);
  const strata = codeTypes.map(({ name }) => ({ name, decisions: 0, aipw: new Aipw(options) }));
  for (let index = 0; index < decisions; index += 1) {
    const at = index % 2;
    const { shareOfA, means } = codeTypes[at] as (typeof codeTypes)[number];
    const arm = source.next() < shareOfA ? 0 : 1;
    const reward = source.next() < means[arm] ? 1 : 0;
    const decision = { propensities: [shareOfA, 1 - shareOfA], arm, reward };
    const stratum = strata[at] as (typeof strata)[number];
    stratum.decisions += 1;
    stratum.aipw.push(decision);
    pooled.push(decision);
  }
  return {
    stratified: stratifiedDifference(
      strata.map(({ aipw, ...stratum }) => ({ ...stratum, result: aipw.difference(1) })),
    ),
    pooled: pooled.difference(1),
  };
}

const covers = (result: Result<ArmDifference>): boolean =>
  result.ok && result.value.low <= 0 && result.value.high >= 0;

describe("arms that are equal over two code types with propensities of their own", () => {
  const results = Array.from({ length: runs }, (_, seed) => run(seed + 1));

  it("are found different no more often than the level says", () => {
    const missed = results.filter(({ stratified }) => !covers(stratified)).length;
    expect(missed / runs).toBeLessThanOrEqual(rateMax(level, runs));
    expect(missed).toBeGreaterThan(0);
  });

  it("are found different nearly always by one accumulator over both (negative control)", () => {
    const missed = results.filter(({ pooled }) => !covers(pooled)).length;
    expect(missed).toBeGreaterThan(0.95 * runs);
  });
});
