import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DecisionSource, Mode, OutcomeStatus } from "../../../src/client/index.ts";
import { openSite, type ServedSite, type Site } from "../../support/site.ts";

describe("two replicas on one Redis and one Postgres", () => {
  let site: Site;
  let first: ServedSite;
  let second: ServedSite;

  beforeAll(async () => {
    site = await openSite("servers");
    // Both start on the empty catalogue at once: one seeds it, both find it seeded.
    [first, second] = await Promise.all([site.serve(), site.serve()]);
  });
  afterAll(async () => {
    await site.remove();
  });

  const shares = async (service: ServedSite, codeType: string) => {
    const { allocation } = await service.client.getAllocation({
      agentType: "evolution",
      codeType,
    });
    return allocation?.arms.map((arm) => [arm.variantId, arm.alpha, arm.beta, arm.share]);
  };

  it("share what they learn, and give the same allocation the same version", async () => {
    for (let round = 0; round < 10; round += 1) {
      const { generationId } = await first.client.selectVariant({
        agentType: "evolution",
        codeType: "shared",
      });
      // Decided by one replica, reported to the other.
      const { status } = await second.client.recordOutcome({
        generationId,
        outcome: { case: "testRun", value: { passed: round, failed: 10 - round } },
      });
      expect(status).toBe(OutcomeStatus.APPLIED);
    }
    await expect
      .poll(async () => shares(first, "shared"), { timeout: 2_000, interval: 20 })
      .toEqual(await shares(second, "shared"));
    const versions = await Promise.all(
      [first, second].map(async ({ client }) => {
        const { allocation } = await client.getAllocation({
          agentType: "evolution",
          codeType: "shared",
        });
        return allocation?.version;
      }),
    );
    expect(versions[0]).toBe(versions[1]);
  });

  it("give one generation id one answer, from any replica", async () => {
    for (let round = 0; round < 20; round += 1) {
      const { generationId } = await first.client.selectVariant({
        agentType: "reporting",
        codeType: `ids_${round}`,
      });
      const request = { agentType: "evolution", codeType: "ids", generationId };
      const fresh = {
        ...request,
        generationId: generationId.replace(/.$/, round % 2 ? "0" : "1"),
      };
      if (fresh.generationId === generationId) continue;
      const [a, b] = await Promise.all([
        first.client.selectVariant(fresh),
        second.client.selectVariant(fresh),
      ]);
      expect(a).toEqual(b);
    }
  });

  it("both obey the kill switch that one of them was given", async () => {
    await first.client.setMode({ mode: Mode.STATIC, reason: "test" });
    const source = async () => {
      const answer = await second.client.selectVariant({ agentType: "evolution", codeType: "k" });
      return answer.source;
    };
    await expect.poll(source, { timeout: 5_000, interval: 10 }).toBe(DecisionSource.STATIC);
    await first.client.setMode({ mode: Mode.LEARNING, reason: "test" });
  });
});
