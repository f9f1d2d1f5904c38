import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { defined } from "../../domain/optional-fields.ts";
import {
  type Allocation,
  type AllocationArm,
  BetaShapeSchema,
  LinearBeliefSchema,
  NormalInverseGammaSchema,
  type RewardChange,
} from "../../gen/bandit/v1/allocation_pb.ts";
import type { AllocationView, ArmView } from "../../service/api/decisions.ts";
import { modeToProto } from "./enums.ts";
import { algorithmMessage } from "./policy-messages.ts";

export function allocationMessage(view: AllocationView): Allocation {
  return {
    $typeName: "bandit.v1.Allocation",
    agentType: view.agentType,
    codeType: view.codeType,
    version: view.version,
    mode: modeToProto[view.mode],
    algorithm: algorithmMessage(view.algorithm),
    computedAt: timestampFromMs(view.computedAtMs),
    forgettingPosition: view.forgettingPosition,
    ...defined({ agentTypeChange: view.change && changeMessage(view.change) }),
    arms: view.arms.map(armMessage),
  };
}

function armMessage(arm: ArmView): AllocationArm {
  const { belief, sharedPrior, change, expectedLoss } = arm;
  return {
    $typeName: "bandit.v1.AllocationArm",
    variantId: arm.variantId,
    name: arm.name,
    isBaseline: arm.isBaseline,
    alpha: belief.kind === "beta" ? belief.alpha : 0,
    beta: belief.kind === "beta" ? belief.beta : 0,
    mean: arm.mean,
    intervalLow: arm.intervalLow,
    intervalHigh: arm.intervalHigh,
    bestProbability: arm.bestProbability,
    share: arm.share,
    generations: BigInt(arm.generations),
    effectiveWeight: arm.effectiveWeight,
    effectiveReward: arm.effectiveReward,
    ...defined({
      expectedLoss,
      sharedPrior: sharedPrior && create(BetaShapeSchema, sharedPrior),
      change: change && changeMessage(change),
    }),
    ...beliefMessage(belief),
  };
}

function beliefMessage(
  belief: ArmView["belief"],
): Pick<AllocationArm, "normalInverseGamma" | "linear"> {
  switch (belief.kind) {
    case "beta":
      return {};
    case "normal_inverse_gamma": {
      const { mean, strength, shape, scale } = belief;
      return {
        normalInverseGamma: create(NormalInverseGammaSchema, { mean, strength, shape, scale }),
      };
    }
    case "linear":
      return {
        linear: create(LinearBeliefSchema, {
          coefficients: [...belief.coefficients],
          standardDeviation: belief.standardDeviation,
        }),
      };
  }
}

function changeMessage(change: NonNullable<AllocationView["change"]>): RewardChange {
  return {
    $typeName: "bandit.v1.RewardChange",
    noticedAt: timestampFromMs(change.noticedAtMs),
    meanBefore: change.meanBefore,
    meanSince: change.meanSince,
  };
}
