import { defaultPolicy } from "../../src/bandit/default-policy.ts";
import type { Algorithm, LinearFeature, Policy } from "../../src/domain/policy.ts";
import { algorithmParameters } from "../../src/domain/policy-defaults.ts";

/** Every algorithm with its default parameters; one feature `x` for the linear one. */
export const algorithmsWithDefaults = Object.fromEntries(
  Object.entries(algorithmParameters).map(([kind, parameters]) => [
    kind,
    {
      kind,
      ...Object.fromEntries(
        Object.entries(parameters).map(([name, range]) => [name, range.default]),
      ),
      ...(kind === "linear_thompson" ? { features: [{ name: "x", mean: 0, scale: 1 }] } : {}),
    },
  ]),
) as unknown as { readonly [Kind in Algorithm["kind"]]: Extract<Algorithm, { kind: Kind }> };

/** The default policy with another algorithm, which alone decides how much is explored. */
export const purePolicy = (algorithm: Algorithm): Policy => ({
  ...defaultPolicy,
  algorithm,
  explorationShare: 0,
});

/** Linear Thompson sampling of these features with its default parameters. */
export const linearAlgorithm = (...features: readonly LinearFeature[]) => ({
  ...algorithmsWithDefaults.linear_thompson,
  features,
});
