import type { AgentType, CodeType } from "../domain/ids.ts";
import type { AllocationTable } from "./allocation-table.ts";
import type { AllocationView } from "./bandit-service.ts";
import type { CatalogueCache } from "./catalogue-cache.ts";
import { policyFor } from "./catalogue-view.ts";

/** The arms of one (agent type, code type): what is believed of each and how often it is served right now. */
export class GetAllocation {
  readonly #deps: { readonly catalogue: CatalogueCache; readonly allocations: AllocationTable };

  constructor(dependencies: { catalogue: CatalogueCache; allocations: AllocationTable }) {
    this.#deps = dependencies;
  }

  /** @throws BanditError not_found. */
  execute(request: { agentType: AgentType; codeType: CodeType }): AllocationView {
    const { view } = this.#deps.catalogue;
    const entry = view.getAgentType(request.agentType);
    const { allocation, computedAtMs } = this.#deps.allocations.current(entry, request.codeType);
    const posteriors = this.#deps.allocations.allocator(entry, request.codeType).posteriors();
    return {
      agentType: request.agentType,
      codeType: request.codeType,
      version: allocation.version,
      mode: entry.mode,
      algorithm: policyFor(entry, request.codeType).policy.algorithm,
      computedAtMs,
      arms: posteriors.map((posterior) => {
        const index = allocation.variantIds.indexOf(posterior.variantId);
        const { belief } = posterior;
        return {
          variantId: posterior.variantId,
          name: view.getVariant(posterior.variantId).name,
          isBaseline: posterior.variantId === entry.baseline.id,
          alpha: belief.kind === "beta" ? belief.alpha : 0,
          beta: belief.kind === "beta" ? belief.beta : 0,
          mean: posterior.mean,
          intervalLow: posterior.intervalLow,
          intervalHigh: posterior.intervalHigh,
          bestProbability: posterior.bestProbability,
          share: allocation.probabilities[index] ?? 0,
          generations: posterior.generations,
        };
      }),
    };
  }
}
