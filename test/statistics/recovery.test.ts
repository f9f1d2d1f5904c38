import { beforeAll, describe, expect, it } from "vitest";
import type { Algorithm } from "../../src/domain/policy.ts";
import { algorithmsWithDefaults, purePolicy } from "../support/algorithms-with-defaults.ts";
import { simulate } from "../support/bandit-simulation.ts";

const runs = 100;
const swapStep = 1000;
const halfLifeSteps = 70;
/** Steps after the swap within which the arm that has become the better one must have an 80 % share. */
const recoveryStepsMax = 250;
const recoveredShare = 0.8;

interface Recovery {
  /** First step after the swap, counted from it, at which the better arm's share is 0.8; Infinity: not within 300. */
  readonly steps: number;
  /** Mean share of the better arm from 200 to 300 steps after the swap. */
  readonly shareAfterwards: number;
}

/** Two arms of 0.6 and 0.4 that swap their means after 1,000 steps; the allocation is refreshed after every step. */
function recover(algorithm: Algorithm, seed: number, halfLife: number | undefined): Recovery {
  let steps = Number.POSITIVE_INFINITY;
  let shareSum = 0;
  simulate(
    {
      policy: purePolicy(algorithm),
      world: { armCount: 2, meansAt: (step) => (step < swapStep ? [0.6, 0.4] : [0.4, 0.6]) },
      steps: swapStep + 300,
      refreshEvery: 1,
      seed,
      ...(halfLife === undefined ? {} : { positionAt: (step) => step / halfLife }),
    },
    ({ step, allocation }) => {
      const since = step - swapStep;
      const share = allocation.shares[1] as number;
      if (since >= 0 && share >= recoveredShare) steps = Math.min(steps, since);
      if (since >= 200) shareSum += share;
    },
  );
  return { steps, shareAfterwards: shareSum / 100 };
}

function recoverMany(algorithm: Algorithm, halfLife: number | undefined): Recovery[] {
  return Array.from({ length: runs }, (_, run) => recover(algorithm, run + 1, halfLife));
}

function withinLimit(recoveries: readonly Recovery[]): number {
  return recoveries.filter(({ steps }) => steps <= recoveryStepsMax).length / recoveries.length;
}

function meanShare(recoveries: readonly Recovery[]): number {
  return recoveries.reduce((sum, { shareAfterwards }) => sum + shareAfterwards, 0) / runs;
}

/**
 * The seeds are fixed. Had they been drawn anew, 85 % of the runs would be missed by chance less than once in 10^6
 * (98.5 to 99 % of 200 runs were measured), the mean share of 80 % less than once in 10^4.
 */
describe.each(["thompson_sampling", "gaussian_thompson"] as const)(
  `${runs} runs of %s, a half-life of ${halfLifeSteps} steps`,
  (kind) => {
    let recoveries: Recovery[];

    beforeAll(() => {
      recoveries = recoverMany(algorithmsWithDefaults[kind], halfLifeSteps);
    });

    it(`the arm that has become the better one has an 80 % share within ${recoveryStepsMax} steps in 85 % of the runs`, () => {
      expect(withinLimit(recoveries)).toBeGreaterThanOrEqual(0.85);
    });

    it("half of the runs need no more than 120 steps", () => {
      const sorted = recoveries.map(({ steps }) => steps).sort((a, b) => a - b);
      expect(sorted[runs / 2]).toBeLessThanOrEqual(120);
    });

    it("it keeps a mean share of 80 % from 200 to 300 steps after the swap", () => {
      expect(meanShare(recoveries)).toBeGreaterThan(0.8);
    });
  },
);

it("without forgetting, no more than 10 % of the runs recover in time (negative control)", () => {
  const recoveries = recoverMany(algorithmsWithDefaults.thompson_sampling, undefined);
  expect(withinLimit(recoveries)).toBeLessThan(0.1);
  expect(meanShare(recoveries)).toBeLessThan(0.2);
});
