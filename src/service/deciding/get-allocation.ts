import { forgettingPosition } from "../../domain/policy.ts";
import type { Clock } from "../../ports/clock.ts";
import type { AllocationRequest, AllocationView, ArmView, RewardChange } from "../api/decisions.ts";
import type { CatalogueCache } from "../catalogue/catalogue-cache.ts";
import { policyFor } from "../catalogue/catalogue-view.ts";
import type { AllocationTable } from "../posteriors/allocation-table.ts";
import type { RewardChanges } from "../posteriors/reward-changes.ts";

export interface GetAllocationDependencies {
  readonly catalogue: CatalogueCache;
  readonly allocations: AllocationTable;
  readonly changes: RewardChanges;
  readonly clock: Clock;
}

/**
 * The arms of one (agent type, code type): what is believed of each and how often it is served right now.
 * @throws BanditError not_found.
 */
export function getAllocation(
  { catalogue, allocations, changes, clock }: GetAllocationDependencies,
  { agentType, codeType, features }: AllocationRequest,
): AllocationView {
  const { view } = catalogue;
  const entry = view.getAgentType(agentType);
  const policy = policyFor(entry, codeType);
  const { allocation, computedAtMs } = allocations.current(entry, codeType, features);
  const { posteriors, sharedPriors } = allocations.posteriors(entry, codeType, features);
  return {
    agentType,
    codeType,
    version: allocation.version,
    mode: entry.mode,
    algorithm: policy.policy.algorithm,
    computedAtMs,
    forgettingPosition: forgettingPosition(policy, clock.nowMs()),
    ...changeField(changes.ofAgentType(agentType)),
    arms: posteriors.map(({ variantId, ...posterior }): ArmView => {
      const index = allocation.variantIds.indexOf(variantId);
      const sharedPrior = sharedPriors?.get(variantId);
      return {
        variantId,
        ...posterior,
        name: view.getVariant(variantId).name,
        isBaseline: variantId === entry.baseline.id,
        share: allocation.probabilities[index] ?? 0,
        ...(sharedPrior === undefined ? {} : { sharedPrior }),
        ...changeField(changes.ofArm({ agentType, codeType, variantId })),
      };
    }),
  };
}

function changeField(change: RewardChange | undefined): { change?: RewardChange } {
  return change === undefined ? {} : { change };
}
