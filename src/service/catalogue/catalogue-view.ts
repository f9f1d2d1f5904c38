import { BanditError, invariant } from "../../domain/errors.ts";
import type { AgentType, CodeType, VariantId } from "../../domain/ids.ts";
import { type Mode, type PolicyRecord, strictestMode } from "../../domain/policy.ts";
import type { Variant } from "../../domain/variant.ts";
import type { AgentTypeRecord, CatalogueSnapshot } from "../../ports/catalogue.ts";

/** One agent type, indexed for the hot path. Immutable. */
export interface AgentTypeEntry {
  readonly record: AgentTypeRecord;
  /** The stricter of the service's and the agent type's own mode. */
  readonly mode: Mode;
  /** The agent type's own policy. */
  readonly policy: PolicyRecord;
  readonly overrides: ReadonlyMap<CodeType, PolicyRecord>;
  /** Ids of the active variants, sorted. */
  readonly pool: readonly VariantId[];
  readonly baseline: Variant;
}

/** The catalogue as it was at one revision, indexed. Immutable: a change makes a new one. */
export class CatalogueView {
  readonly snapshot: CatalogueSnapshot;
  readonly #agentTypes = new Map<AgentType, AgentTypeEntry>();
  readonly #variants = new Map<VariantId, Variant>();

  constructor(snapshot: CatalogueSnapshot) {
    this.snapshot = snapshot;
    const variantsOf = Map.groupBy(snapshot.variants, (variant) => variant.agentType);
    const policiesOf = Map.groupBy(snapshot.policies, (policy) => policy.agentType);
    for (const variant of snapshot.variants) this.#variants.set(variant.id, variant);
    for (const record of snapshot.agentTypes) {
      const active = (variantsOf.get(record.agentType) ?? []).filter(
        (variant) => variant.status === "active",
      );
      const baseline = active.find((variant) => variant.isBaseline);
      invariant(baseline !== undefined, `agent type ${record.agentType} has no active baseline`);
      const policies = policiesOf.get(record.agentType) ?? [];
      const policy = policies.find((candidate) => candidate.codeType === undefined);
      invariant(policy !== undefined, `agent type ${record.agentType} has no policy`);
      const overrides = new Map<CodeType, PolicyRecord>();
      for (const override of policies) {
        if (override.codeType !== undefined) {
          overrides.set(override.codeType, withForgettingOf(policy, override));
        }
      }
      this.#agentTypes.set(record.agentType, {
        record,
        mode: strictestMode(snapshot.serviceMode, record.mode),
        policy,
        overrides,
        pool: active.map((variant) => variant.id).sort(),
        baseline,
      });
    }
  }

  findAgentType(agentType: AgentType): AgentTypeEntry | undefined {
    return this.#agentTypes.get(agentType);
  }

  /** @throws BanditError not_found with a hint how to create it. */
  getAgentType(agentType: AgentType): AgentTypeEntry {
    const entry = this.#agentTypes.get(agentType);
    if (entry === undefined) {
      throw new BanditError(
        "not_found",
        `agent type "${agentType}" does not exist; create it with CatalogService.CreateAgentType, ` +
          "or start the service with --auto-create-agent-types",
        { reason: "AGENT_TYPE_NOT_FOUND", metadata: { agent_type: agentType } },
      );
    }
    return entry;
  }

  listAgentTypes(): readonly AgentTypeEntry[] {
    return [...this.#agentTypes.values()];
  }

  findVariant(variantId: VariantId): Variant | undefined {
    return this.#variants.get(variantId);
  }

  /** @throws BanditError not_found. */
  getVariant(variantId: VariantId): Variant {
    const variant = this.#variants.get(variantId);
    if (variant === undefined) {
      throw new BanditError("not_found", `variant "${variantId}" does not exist`, {
        reason: "VARIANT_NOT_FOUND",
        metadata: { variant_id: variantId },
      });
    }
    return variant;
  }
}

/** Forgetting is the agent type's as a whole: two clocks could not go on from each other when an override comes or goes. */
export function withForgettingOf(own: PolicyRecord, override: PolicyRecord): PolicyRecord {
  const { forgettingHalfLifeSeconds } = own.policy;
  return {
    ...override,
    policy: { ...override.policy, forgettingHalfLifeSeconds },
    forgetting: own.forgetting,
  };
}

/** The policy in force for a code type: its override, else the agent type's own. */
export function policyFor(entry: AgentTypeEntry, codeType: CodeType): PolicyRecord {
  return entry.overrides.get(codeType) ?? entry.policy;
}
