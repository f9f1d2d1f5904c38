import { BanditError, invalidField } from "../../domain/errors.ts";
import type { AgentType, CodeType } from "../../domain/ids.ts";
import type { Policy, PolicyRecord } from "../../domain/policy.ts";
import type { Catalogue } from "../../ports/catalogue.ts";
import type { CallContext } from "../api/call-context.ts";
import type { SetPolicyRequest } from "../api/catalog.ts";
import type { CatalogueCache } from "./catalogue-cache.ts";
import { policyFor } from "./catalogue-view.ts";
import { requireValidPolicy } from "./require-valid-policy.ts";

/** Reads and changes policies. A change takes effect with the next decision on this replica, within a second on all. */
export class ManagePolicies {
  readonly #catalogue: Catalogue;
  readonly #cache: CatalogueCache;

  constructor(dependencies: { catalogue: Catalogue; cache: CatalogueCache }) {
    this.#catalogue = dependencies.catalogue;
    this.#cache = dependencies.cache;
  }

  /** The policy in force. @throws BanditError not_found for the agent type. */
  get(request: { agentType: AgentType; codeType?: CodeType }): PolicyRecord {
    const entry = this.#cache.view.getAgentType(request.agentType);
    return request.codeType === undefined ? entry.policy : policyFor(entry, request.codeType);
  }

  /** @throws BanditError not_found, invalid_argument, aborted. */
  async set(request: SetPolicyRequest, context: CallContext): Promise<PolicyRecord> {
    const entry = this.#cache.view.getAgentType(request.agentType);
    requireValidPolicy(request.policy);
    const { agentType, codeType, policy, etag } = request;
    if (codeType !== undefined) requireForgettingOf(entry.policy.policy, policy);
    if (request.validateOnly) {
      const current = codeType === undefined ? entry.policy : entry.overrides.get(codeType);
      if (etag !== undefined && etag !== current?.etag) throw changedMeanwhile(agentType);
      return {
        agentType,
        ...(codeType === undefined ? {} : { codeType }),
        policy,
        forgetting: entry.policy.forgetting,
        featuresSinceMs: current?.featuresSinceMs ?? 0,
        updatedAtMs: current?.updatedAtMs ?? 0,
        etag: current?.etag ?? "",
      };
    }
    const record = await this.#catalogue.putPolicy(
      {
        agentType,
        policy,
        ...(codeType === undefined ? {} : { codeType }),
        ...(etag === undefined ? {} : { etag }),
      },
      { name: context.actor },
    );
    await this.#cache.refresh();
    return this.get(record);
  }

  /** Removes the override of a code type. @throws BanditError not_found. */
  async delete(
    request: { agentType: AgentType; codeType: CodeType },
    context: CallContext,
  ): Promise<void> {
    await this.#catalogue.deletePolicy(request, { name: context.actor });
    await this.#cache.refresh();
  }
}

/** @throws BanditError invalid_argument when a code type is to forget at another pace than its agent type. */
function requireForgettingOf(own: Policy, override: Policy): void {
  const { forgettingHalfLifeSeconds } = override;
  if (forgettingHalfLifeSeconds === 0) return;
  if (forgettingHalfLifeSeconds === own.forgettingHalfLifeSeconds) return;
  throw invalidField(
    "policy.forgetting_half_life",
    "is set for the agent type as a whole; leave it out, or give the agent type's",
  );
}

function changedMeanwhile(agentType: AgentType): BanditError {
  return new BanditError("aborted", `the policy of "${agentType}" has changed meanwhile`, {
    reason: "ETAG_MISMATCH",
    metadata: { agent_type: agentType },
  });
}
