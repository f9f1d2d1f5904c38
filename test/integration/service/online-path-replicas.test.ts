import { describe, expect, it } from "vitest";
import { OutcomeStatus } from "../../../src/client/index.ts";
import { useTwoServed } from "../../support/use-site.ts";

describe("a replica that has not heard yet of what another one has just created", () => {
  const clients = useTwoServed();
  const codeType = "x";
  const create = (agentType: string) => {
    const variants = [{ name: "only", promptTemplate: "t" }];
    return clients.first.createAgentType({ agentType, variants });
  };

  it("decides for a new agent type", async () => {
    for (let round = 0; round < 5; round += 1) {
      const agentType = `decided_${round}`;
      await create(agentType);
      const { variant } = await clients.second.selectVariant({ agentType, codeType });
      expect(variant?.variantId).toBe(`${agentType}/only@1`);
    }
  });

  it("learns about a decision of a new agent type", async () => {
    for (let round = 0; round < 5; round += 1) {
      const agentType = `learned_${round}`;
      await create(agentType);
      const { generationId } = await clients.first.selectVariant({ agentType, codeType });
      const outcome = { case: "testRun", value: { passed: 1, failed: 0 } } as const;
      const { status } = await clients.second.recordOutcome({ generationId, outcome });
      expect(status).toBe(OutcomeStatus.APPLIED);
      await clients.second.recordGeneration({ generationId, model: "m" });
    }
  });

  it("gives the answer again that another one gave with a new variant", async () => {
    const agentType = "again";
    await create(agentType);
    await clients.second.selectVariant({ agentType, codeType });
    for (let round = 0; round < 5; round += 1) {
      const variant = { name: `new_${round}`, promptTemplate: "t" };
      const created = await clients.first.createVariant({ agentType, variant });
      const variantId = created.variant?.variantId ?? "";
      await clients.first.promoteVariant({ variantId });
      const allowed = { agentType, codeType, allowedVariantIds: [variantId] };
      const answer = await clients.first.selectVariant(allowed);
      const { generationId } = answer;
      const again = await clients.second.selectVariant({ agentType, codeType, generationId });
      expect(again).toEqual(answer);
    }
  });
});
