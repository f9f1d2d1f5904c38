import {
  type Allocation,
  type AllocationArm,
  ModeSchema,
  type RewardChange,
} from "../client/index.ts";
import { enumLabel } from "./enum-label.ts";
import { formatShare, formatTime } from "./format-value.ts";
import { formatAlgorithm } from "./policy-text.ts";
import { integer } from "./progress.ts";
import { roughly, shown, wrap } from "./report-text.ts";
import { formatTable } from "./table.ts";

const armWidthMax = 32;
const beliefWidthMax = 56;

/** An allocation, for people: the shares and why, what is believed of each arm, and changes that were noticed. */
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
      { title: "share", align: "right" },
      { title: "P(best)", align: "right" },
      { title: "mean", align: "right" },
      { title: "95 % interval", align: "right" },
      { title: "exp. loss", align: "right" },
      { title: "generations", align: "right" },
    ],
    arms.map((arm) => [
      named(arm),
      formatShare(arm.share),
      formatShare(arm.bestProbability),
      shown(arm.mean),
      `${shown(arm.intervalLow)} to ${shown(arm.intervalHigh)}`,
      arm.expectedLoss === undefined ? "–" : shown(arm.expectedLoss),
      integer(Number(arm.generations)),
    ]),
  );
  const beliefs = formatTable(
    [
      { title: "variant", widthMax: armWidthMax },
      { title: "weight", align: "right" },
      { title: "belief", widthMax: beliefWidthMax },
    ],
    arms.map((arm) => [named(arm), roughly(arm.effectiveWeight), beliefOf(arm)]),
  );
  const notes = [
    ...(arms.some(({ isBaseline }) => isBaseline) ? ["* the baseline"] : []),
    ...(forgettingPosition > 0
      ? [
          `Since the agent type began to forget, ${shown(forgettingPosition)} half-lives have passed.`,
        ]
      : []),
    ...changesOf(allocation),
  ];
  return [title, shares, beliefs, notes.map(wrap).join("")]
    .filter((part) => part !== "")
    .join("\n");
}

function named({ variantId, isBaseline }: AllocationArm): string {
  if (!isBaseline) return variantId;
  const widthMax = armWidthMax - 2;
  return variantId.length <= widthMax ? `${variantId} *` : `${variantId.slice(0, widthMax - 1)}… *`;
}

function beliefOf(arm: AllocationArm): string {
  const { normalInverseGamma, linear, sharedPrior } = arm;
  if (normalInverseGamma !== undefined) {
    const { mean, strength, shape, scale } = normalInverseGamma;
    return `mean ${shown(mean)}, strength ${shown(strength)}, shape ${shown(shape)}, scale ${shown(scale)}`;
  }
  if (linear !== undefined) {
    const coefficients = linear.coefficients.map(shown).join(" ");
    return `std. dev. ${shown(linear.standardDeviation)}, coefficients ${coefficients}`;
  }
  const prior =
    sharedPrior === undefined
      ? ""
      : `, shared prior Beta(${shown(sharedPrior.alpha)}, ${shown(sharedPrior.beta)})`;
  return `Beta(${shown(arm.alpha)}, ${shown(arm.beta)})${prior}`;
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
