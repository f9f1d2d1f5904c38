import {
  type Allocation,
  type AllocationArm,
  ModeSchema,
  type RewardChange,
} from "../../client/index.ts";
import { shortened } from "../../domain/shortened.ts";
import { enumLabel } from "./enum-label.ts";
import { formatShare, formatTime } from "./format-value.ts";
import { formatAlgorithm } from "./policy-text.ts";
import { integer } from "./progress.ts";
import { orDash, roughly, shown, wrap } from "./report-text.ts";
import { formatTable, numbers } from "./table.ts";

const armWidthMax = 32;
const beliefWidthMax = 56;
/** Less has forgotten nothing that a reader would notice. */
const halfLivesShownMin = 0.01;
/** Of a variance that has been through a square root and back. */
const varianceTolerance = 1e-9;

const servedShareMin = 0.1;

/** An allocation, for people: the shares and why, each arm's posterior, and changes that were noticed. */
export function formatAllocation(allocation: Allocation): string {
  const { arms, forgettingPosition } = allocation;
  const title = wrap(
    `Allocation of ${allocation.agentType} for ${allocation.codeType}: ${formatAlgorithm(allocation.algorithm)}, ` +
      `mode ${enumLabel(ModeSchema, allocation.mode)}, version ${allocation.version}, computed ` +
      `${formatTime(allocation.computedAt)} UTC`,
  );
  const shares = formatTable(
    [
      { title: "variant", widthMax: armWidthMax },
      ...numbers("share", "P(best)", "mean", "95 % interval", "exp. loss", "generations"),
    ],
    arms.map((arm) => [
      named(arm),
      formatShare(arm.share),
      formatShare(arm.bestProbability),
      shown(arm.mean),
      `${shown(arm.intervalLow)} to ${shown(arm.intervalHigh)}`,
      orDash(arm.expectedLoss),
      integer(Number(arm.generations)),
    ]),
  );
  const beliefs = formatTable(
    [
      { title: "variant", widthMax: armWidthMax },
      ...numbers("weight"),
      { title: "belief", widthMax: beliefWidthMax },
    ],
    arms.map((arm) => [named(arm), roughly(arm.effectiveWeight), beliefOf(arm)]),
  );
  const isShared = arms.some(({ sharedPrior }) => sharedPrior !== undefined);
  // A table of its own: beside the belief of an algorithm with many numbers there is no room for it.
  const sharedPriors = formatTable(
    [{ title: "variant", widthMax: armWidthMax }, "shared prior"],
    arms.map((arm) => [named(arm), sharedPriorOf(arm)]),
  );
  const notes = [
    ...(arms.some(({ isBaseline }) => isBaseline) ? ["* the baseline"] : []),
    ...(forgettingPosition >= halfLivesShownMin
      ? [
          `Since the agent type began to forget, ${shown(forgettingPosition)} half-lives have passed.`,
        ]
      : []),
    ...unlearnedNotes(allocation),
    ...changesOf(allocation),
    ...(arms.some(hasDropped) ? [forgettingHint] : []),
  ];
  return [title, shares, beliefs, isShared ? sharedPriors : "", notes.map(wrap).join("")]
    .filter((part) => part !== "")
    .join("\n");
}

function named({ variantId, isBaseline }: AllocationArm): string {
  return isBaseline ? `${shortened(variantId, armWidthMax - 2)} *` : variantId;
}

function beliefOf(arm: AllocationArm): string {
  const { normalInverseGamma, linear } = arm;
  if (normalInverseGamma !== undefined) {
    const { mean, strength, shape, scale } = normalInverseGamma;
    return `mean ${shown(mean)}, strength ${shown(strength)}, shape ${shown(shape)}, scale ${shown(scale)}`;
  }
  if (linear !== undefined) {
    const coefficients = linear.coefficients.map(shown).join(" ");
    return `std. dev. ${shown(linear.standardDeviation)}, coefficients ${coefficients}`;
  }
  return `Beta(${shown(arm.alpha)}, ${shown(arm.beta)})`;
}

function sharedPriorOf({ sharedPrior }: AllocationArm): string {
  return sharedPrior === undefined
    ? "none: the policy's own"
    : `Beta(${shown(sharedPrior.alpha)}, ${shown(sharedPrior.beta)})`;
}

/**
 * Arms with generations of which the linear model knows none. The message says so without a count: the features'
 * coefficients are exactly the prior's, 0, and the mean reward at the request is as uncertain as before any outcome.
 * (Where every outcome came without features and the request has some, both hold too, as far as the features go.)
 */
function unlearnedNotes({ algorithm, arms }: Allocation): readonly string[] {
  if (algorithm?.kind.case !== "linearThompson") return [];
  const { priorVariance = 1, noiseStandardDeviation = 0.5 } = algorithm.kind.value;
  const unlearned = arms.filter(({ generations, linear, sharedPrior }) => {
    if (generations === 0n || linear === undefined) return false;
    const [, ...slopes] = linear.coefficients;
    if (slopes.some((slope) => slope !== 0)) return false;
    const strength = sharedPrior === undefined ? 0 : sharedPrior.alpha + sharedPrior.beta;
    const varianceBefore = Math.min(priorVariance, noiseStandardDeviation ** 2 / strength);
    return linear.standardDeviation ** 2 >= varianceBefore * (1 - varianceTolerance);
  });
  if (unlearned.length === 0) return [];
  const whose =
    unlearned.length === arms.length
      ? "every arm"
      : unlearned.map(({ variantId }) => variantId).join(", ");
  return [
    `The linear model has learned nothing yet of ${whose}: generations from before linear_thompson was set, or ` +
      "before its features changed, are not in it.",
  ];
}

const forgettingHint =
  "An arm that is served has dropped. Where that is no accident, forget faster for a while: `banditd policy set` with a " +
  "forgetting_half_life in which some 50 tasks come, and after 100 tasks with the old one.";

/** Of what is hardly served any more, a drop loses nothing. */
function hasDropped({ change, share }: AllocationArm): boolean {
  return change !== undefined && change.meanSince < change.meanBefore && share >= servedShareMin;
}

function changesOf({ agentTypeChange, agentType, arms }: Allocation): readonly string[] {
  const all: readonly (readonly [string, RewardChange | undefined])[] = [
    [`the whole of ${agentType}`, agentTypeChange],
    ...arms.map(({ variantId, change }) => [variantId, change] as const),
  ];
  return all.flatMap(([what, change]) =>
    change === undefined
      ? []
      : [
          `Changed: the mean reward of ${what} from ${shown(change.meanBefore)} to ${shown(change.meanSince)}, ` +
            `noticed ${formatTime(change.noticedAt)} UTC.`,
        ],
  );
}
