import type { Policy } from "../../domain/policy.ts";
import type { BanditAlgorithm } from "./algorithm.ts";
import { BetaAlgorithm, BetaBeliefs } from "./beta-beliefs.ts";
import { decayedEpsilon, epsilonGreedyShares } from "./epsilon-greedy.ts";
import { GaussianThompson } from "./gaussian-thompson.ts";
import { klUcbShares } from "./kl-ucb.ts";
import { LinearThompson } from "./linear-thompson.ts";
import { softmaxShares } from "./softmax.ts";
import { thompsonShares } from "./thompson-sampling.ts";
import { topTwoShares } from "./top-two-thompson.ts";
import { ucb1Shares } from "./ucb1.ts";

/** The one place where a policy's algorithm is chosen. @param pool.contextEpoch `PolicyRecord.featuresSinceMs`. */
export function createAlgorithm(
  policy: Policy,
  pool: { readonly armCount: number; readonly contextEpoch: number },
): BanditAlgorithm {
  const { algorithm, priorAlpha, priorBeta } = policy;
  const { armCount } = pool;
  const onBeta = (rule: (beliefs: BetaBeliefs) => Float64Array): BanditAlgorithm =>
    new BetaAlgorithm(new BetaBeliefs({ alpha: priorAlpha, beta: priorBeta }, armCount), rule);
  switch (algorithm.kind) {
    case "thompson_sampling":
      return onBeta(thompsonShares);
    case "epsilon_greedy":
      return onBeta((beliefs) =>
        epsilonGreedyShares(beliefs.means(), decayedEpsilon(algorithm, beliefs.generations())),
      );
    case "gaussian_thompson":
      return new GaussianThompson(algorithm, armCount);
    case "ucb1":
      return onBeta((beliefs) => ucb1Shares(beliefs.observedArms(), algorithm.exploration));
    case "kl_ucb":
      return onBeta((beliefs) => klUcbShares(beliefs.observedArms(), algorithm.exploration));
    case "softmax":
      return onBeta((beliefs) => softmaxShares(beliefs.means(), algorithm.temperature));
    case "top_two_thompson":
      return onBeta((beliefs) => topTwoShares(beliefs.contendingArms(), algorithm.leaderShare));
    case "linear_thompson":
      return new LinearThompson(algorithm, {
        armCount,
        interceptMean: priorAlpha / (priorAlpha + priorBeta),
        epoch: pool.contextEpoch,
      });
  }
}
