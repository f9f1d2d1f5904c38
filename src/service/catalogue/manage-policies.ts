import { invalidField } from "../../domain/errors.ts";
import type { AgentType, CodeType } from "../../domain/ids.ts";
import type { Policy, PolicyRecord } from "../../domain/policy.ts";
import type { Catalogue } from "../../ports/catalogue.ts";
import type { CallContext } from "../api/call-context.ts";
import type { SetPolicyRequest, Tried } from "../api/catalog.ts";
import type { CatalogueCache } from "./catalogue-cache.ts";
import { policyFor, withForgettingOf } from "./catalogue-view.ts";
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
    const { validateOnly: dryRun, ...input } = request;
    const entry = await this.#cache.getAgentType(input.agentType);
    requireValidPolicy(input.policy);
    if (input.codeType !== undefined) requireForgettingOf(entry.policy.policy, input.policy);
    const record = await this.#catalogue.putPolicy(input, { name: context.actor, dryRun });
    if (dryRun)
      return input.codeType === undefined ? record : withForgettingOf(entry.policy, record);
    await this.#cache.refresh();
    return this.get(record);
  }

  /** Removes the override of a code type. @throws BanditError not_found. */
  async delete(
    request: { agentType: AgentType; codeType: CodeType } & Tried,
    context: CallContext,
  ): Promise<void> {
    const { validateOnly: dryRun, ...input } = request;
    await this.#cache.getAgentType(input.agentType);
    await this.#catalogue.deletePolicy(input, { name: context.actor, dryRun });
    if (!dryRun) await this.#cache.refresh();
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
