import { describe, expect, it } from "vitest";
import { BanditError } from "../../../../src/domain/errors.ts";
import { formatVariantId, parseAgentType } from "../../../../src/domain/ids.ts";
import type { PolicyRecord } from "../../../../src/domain/policy.ts";
import type { Variant } from "../../../../src/domain/variant.ts";
import type { AgentTypeRecord, Catalogue } from "../../../../src/ports/catalogue.ts";
import { CatalogueCache } from "../../../../src/service/catalogue/catalogue-cache.ts";
import { ManageAgentTypes } from "../../../../src/service/catalogue/manage-agent-types.ts";
import {
  catalogueSnapshot,
  policyRecord,
  variantNamed,
} from "../../../support/catalogue-samples.ts";
import { silentLogger } from "../../../support/state-samples.ts";

const context = { signal: new AbortController().signal, actor: "test" };

/** As much of a catalogue as creating agent types needs, with the first `count` of them. */
async function open(count: number) {
  const agentTypes: AgentTypeRecord[] = [];
  const policies: PolicyRecord[] = [];
  const variants: Variant[] = [];
  const add = (name: string): AgentTypeRecord => {
    const agentType = parseAgentType(name);
    const [record] = catalogueSnapshot([]).agentTypes as [AgentTypeRecord];
    agentTypes.push({ ...record, agentType });
    policies.push(policyRecord({ agentType }));
    const id = formatVariantId({ agentType, name: "baseline", version: 1 });
    variants.push({ ...variantNamed("baseline", true), id, agentType });
    return { ...record, agentType };
  };
  for (let index = 0; index < count; index += 1) add(`there_${index}`);
  const catalogue: Pick<Catalogue, "load" | "onChange" | "createAgentType"> = {
    load: async () => ({
      revision: agentTypes.length,
      serviceMode: "learning",
      ...structuredClone({ agentTypes, policies, variants }),
    }),
    onChange: () => () => undefined,
    async createAgentType(input) {
      await new Promise((resolve) => setImmediate(resolve));
      if (agentTypes.length >= (input.agentTypesMax ?? Number.POSITIVE_INFINITY)) {
        throw new BanditError("resource_exhausted", "full", { reason: "TOO_MANY_AGENT_TYPES" });
      }
      return add(input.agentType);
    },
  };
  const cache = await CatalogueCache.load(catalogue as Catalogue, silentLogger);
  const manage = new ManageAgentTypes({ catalogue: catalogue as Catalogue, cache });
  return { agentTypes, add, manage };
}

describe("agent types that are created by being asked for", () => {
  it("are never more than 1,000 in total, however many are asked for at once", async () => {
    const { agentTypes, manage } = await open(990);
    const results = await Promise.allSettled(
      Array.from({ length: 60 }, (_, index) =>
        manage.createMissing(parseAgentType(`made_up_${index % 30}`), context),
      ),
    );
    expect(agentTypes).toHaveLength(1_000);
    expect(new Set(agentTypes.map(({ agentType }) => agentType)).size).toBe(1_000);
    const refused = results.filter((result) => result.status === "rejected");
    expect(refused).toHaveLength(40);
    for (const { reason } of refused) {
      expect(reason).toMatchObject({ code: "resource_exhausted", reason: "TOO_MANY_AGENT_TYPES" });
    }
  });

  it("do not keep others from being created on purpose or by another replica", async () => {
    const { add, manage } = await open(1_000);
    const content = { promptTemplate: "t", model: "", parameters: {} };
    const variants = [{ name: "baseline", description: "", content }] as const;
    const agentType = parseAgentType("meant");
    await manage.create({ agentType, description: "", variants }, context);
    add("elsewhere");
    await manage.createMissing(parseAgentType("elsewhere"), context);
    expect(manage.get(parseAgentType("elsewhere")).activeVariants).toBe(1);
  });
});
