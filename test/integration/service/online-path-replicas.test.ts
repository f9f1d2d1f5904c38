import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OutcomeStatus } from "../../../src/client/index.ts";
import { openSite, type ServedSite, type Site } from "../../support/site.ts";

describe("a replica that has not heard yet of what another one has just created", () => {
  let site: Site;
  let first: ServedSite;
  let second: ServedSite;
  const codeType = "x";
  const create = (agentType: string) =>
    first.client.createAgentType({
      agentType,
      variants: [{ name: "only", promptTemplate: "t" }],
    });

  beforeAll(async () => {
    site = await openSite("servers");
    [first, second] = await Promise.all([site.serve(), site.serve()]);
  });
  afterAll(async () => {
    await site.remove();
  });

  it("decides for a new agent type", async () => {
    for (let round = 0; round < 5; round += 1) {
      const agentType = `decided_${round}`;
      await create(agentType);
      const { variant } = await second.client.selectVariant({ agentType, codeType });
      expect(variant?.variantId).toBe(`${agentType}/only@1`);
    }
  });

  it("learns about a decision of a new agent type", async () => {
    for (let round = 0; round < 5; round += 1) {
      const agentType = `learned_${round}`;
      await create(agentType);
      const { generationId } = await first.client.selectVariant({ agentType, codeType });
      const outcome = { case: "testRun", value: { passed: 1, failed: 0 } } as const;
      const { status } = await second.client.recordOutcome({ generationId, outcome });
      expect(status).toBe(OutcomeStatus.APPLIED);
      await second.client.recordGeneration({ generationId, model: "m" });
    }
  });

  it("gives the answer again that another one gave with a new variant", async () => {
    const agentType = "again";
    await create(agentType);
    await second.client.selectVariant({ agentType, codeType });
    for (let round = 0; round < 5; round += 1) {
      const created = await first.client.createVariant({
        agentType,
        variant: { name: `new_${round}`, promptTemplate: "t" },
      });
      const variantId = created.variant?.variantId ?? "";
      await first.client.promoteVariant({ variantId });
      const answer = await first.client.selectVariant({
        agentType,
        codeType,
        allowedVariantIds: [variantId],
      });
      const { generationId } = answer;
      expect(await second.client.selectVariant({ agentType, codeType, generationId })).toEqual(
        answer,
      );
    }
  });
});
