import { defaultPolicy } from "../../src/bandit/default-policy.ts";
import { type AgentType, parseVariantId } from "../../src/domain/ids.ts";
import type { PolicyRecord } from "../../src/domain/policy.ts";
import type { Variant } from "../../src/domain/variant.ts";
import type { AgentTypeRecord, CatalogueSnapshot } from "../../src/ports/catalogue.ts";

/** The agent type of all these records. */
export const agentType = "agent" as AgentType;

/** The stored default policy of the agent type; `changes` says what differs. */
export function policyRecord(changes: Partial<PolicyRecord> = {}): PolicyRecord {
  return {
    agentType,
    policy: defaultPolicy,
    forgetting: { sinceMs: 0, position: 0 },
    featuresSinceMs: 0,
    updatedAtMs: 0,
    etag: "1",
    ...changes,
  };
}

/** An active variant `agent/<name>@1`. */
export function variantNamed(name: string, isBaseline = false): Variant {
  return {
    id: parseVariantId(`agent/${name}@1`),
    agentType,
    name,
    version: 1,
    status: "active",
    isBaseline,
    description: "",
    createdBy: "human",
    createdAtMs: 0,
    updatedAtMs: 0,
    etag: "1",
    promptTemplate: "t",
    model: "",
    parameters: {},
  };
}

/** A catalogue of one agent type with variants of these names, the first of which is the baseline. */
export function catalogueSnapshot(
  policies: readonly Partial<PolicyRecord>[],
  names: readonly string[] = ["a", "b"],
  mode: AgentTypeRecord["mode"] = "learning",
): CatalogueSnapshot {
  return {
    revision: 1,
    serviceMode: "learning",
    agentTypes: [{ agentType, description: "", mode, modeSinceMs: 0, createdAtMs: 0 }],
    policies: policies.map(policyRecord),
    variants: names.map((name, at) => variantNamed(name, at === 0)),
  };
}
