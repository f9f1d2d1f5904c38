import { describe, expect, it } from "vitest";
import { Allocator } from "../../src/bandit/allocator.ts";
import { defaultPolicy } from "../../src/bandit/default-policy.ts";
import { draw } from "../../src/bandit/draw.ts";
import { parseVariantId, type VariantId } from "../../src/domain/ids.ts";
import type { Algorithm, Policy } from "../../src/domain/policy.ts";
import { algorithmsWithDefaults } from "../support/algorithms-with-defaults.ts";
import { chiSquare } from "../support/chi-square.ts";
import { seededIds } from "../support/seeded-ids.ts";

/**
 * Invariant I3. Chi-square of what was served against what was logged. The critical value has a false
 * alarm rate of 1e-6 a test; the seeds are fixed, so a test that passes once passes always.
 */
const draws = 200_000;
/** Upper 1e-6 points of chi-square with 1, 2, 3, 4 degrees of freedom (SciPy chi2.isf). */
const critical: Record<number, number> = { 1: 23.93, 2: 27.63, 3: 30.66, 4: 33.38 };

const ids = ["a", "b", "c", "d"].map((name) => parseVariantId(`t/${name}@1`));
const contextEpoch = 5;
/** Better for arm 3 the larger the feature, as the sums below say. */
const context = [1, 1.5];

function allocatorFor(policy: Partial<Policy>): Allocator {
  const allocator = new Allocator({
    policy: { ...defaultPolicy, ...policy },
    variantIds: ids,
    baselineId: ids[2] as VariantId,
    contextEpoch,
  });
  [30, 26, 24, 18].forEach((reward, arm) => {
    allocator.setTotals(ids[arm] as VariantId, {
      reward,
      weight: 50,
      squares: reward,
      generations: 50,
      position: 1,
      context: { epoch: contextEpoch, products: [50, 0, 50], rewards: [reward, arm === 3 ? 9 : 0] },
    });
  });
  return allocator;
}

interface Tally {
  readonly served: readonly number[];
  readonly stated: readonly number[];
  readonly heldOut: number;
}

function serve(policy: Partial<Policy>, allowed?: readonly VariantId[]): Tally {
  const allocation = allocatorFor(policy).allocate({ position: 1.2, context });
  const nextId = seededIds(31);
  const served: number[] = [];
  let heldOut = 0;
  let stated: readonly number[] = [];
  for (let count = 0; count < draws; count += 1) {
    const made = draw(allocation, nextId(), allowed);
    if (made === undefined) throw new Error("nothing drawn");
    served[made.index] = (served[made.index] ?? 0) + 1;
    if (made.source === "holdout") heldOut += 1;
    stated = [...made.probabilities];
  }
  return { served: stated.map((_, arm) => served[arm] ?? 0), stated, heldOut };
}

describe("served shares are the stated ones (chi-square, false alarm rate 1e-6)", () => {
  const settings: [string, Partial<Policy>, readonly VariantId[] | undefined][] = [
    ...Object.entries(algorithmsWithDefaults).flatMap(([name, algorithm]) =>
      [0, 0.2].map((holdoutShare): [string, Partial<Policy>, undefined] => [
        `${name}, holdout ${holdoutShare}`,
        { algorithm, holdoutShare },
        undefined,
      ]),
    ),
    ["some arms allowed", { holdoutShare: 0.2 }, [ids[1], ids[2], ids[3]] as VariantId[]],
    ["the baseline not allowed", { holdoutShare: 0.2 }, [ids[0], ids[1]] as VariantId[]],
  ];
  it.each(settings)("%s", (_, policy, allowed) => {
    const { served, stated } = serve(policy, allowed);
    expect(served).toHaveLength(allowed?.length ?? ids.length);
    expect(chiSquare(served, stated)).toBeLessThan(critical[served.length - 1] as number);
  });

  it("holds the baseline out in exactly the holdout share of the draws", () => {
    const { heldOut } = serve({ holdoutShare: 0.2 });
    expect(chiSquare([heldOut, draws - heldOut], [0.2, 0.8])).toBeLessThan(critical[1] as number);
  });

  it.each(["ucb1", "kl_ucb"] as const)("%s without exploration: one arm is certain", (kind) => {
    const algorithm: Algorithm = algorithmsWithDefaults[kind];
    const { served, stated } = serve({ algorithm, explorationShare: 0 });
    expect([...stated].sort()).toEqual([0, 0, 0, 1]);
    expect(served[stated.indexOf(1)]).toBe(draws);
  });

  it.each(Object.entries(algorithmsWithDefaults))(
    "would find shares of %s that are off by two hundredths of a share (negative control)",
    (_, algorithm) => {
      const { served, stated } = serve({ algorithm });
      const largest = stated.indexOf(Math.max(...stated));
      const other = (largest + 1) % stated.length;
      const moved = (stated[largest] as number) * 0.02;
      const wrong = stated.map((share, arm) =>
        arm === largest ? share - moved : arm === other ? share + moved : share,
      );
      expect(chiSquare(served, wrong)).toBeGreaterThan(critical[3] as number);
    },
  );
});
