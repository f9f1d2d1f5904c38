import type { Algorithm } from "../../src/domain/policy.ts";
import { purePolicy } from "./algorithms-with-defaults.ts";
import { simulate } from "./bandit-simulation.ts";
import { type Summary, summarize } from "./code-type-simulation.ts";

/** The problem that regret is measured on everywhere. */
export const regretMeans = [0.5, 0.45, 0.4, 0.3] as const;
export const regretSteps = 10_000;

/**
 * Steps between two refreshes: what 200 decisions a second see at the default refresh interval of 50 ms. The
 * rewards of a batch are unknown to its own decisions, so a batch can only make learning harder.
 */
export const regretRefreshEvery = 10;

export type MeanRegret = Summary;

/** Regret after {@link regretSteps} steps over runs with the seeds 1, 2, …. With contexts of one useless feature. */
export function meanRegret(algorithm: Algorithm, runs: number): MeanRegret {
  const values = Array.from({ length: runs }, (_, run) => {
    let lost = 0;
    simulate(
      {
        policy: purePolicy(algorithm),
        world: {
          armCount: regretMeans.length,
          meansAt: () => regretMeans,
          drawFeatures: (unit) => ({ x: 2 * unit() - 1 }),
        },
        steps: regretSteps,
        refreshEvery: regretRefreshEvery,
        seed: run + 1,
      },
      ({ regret }) => {
        lost = regret;
      },
    );
    return lost;
  });
  return summarize(values);
}
