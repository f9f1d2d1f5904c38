import type { Algorithm } from "../../src/domain/policy.ts";
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
) as unknown as { readonly [Kind in Algorithm["kind"]]: Algorithm };
