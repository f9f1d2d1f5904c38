import { describe, expect, it } from "vitest";
import {
  type BanditClient,
  DecisionSource,
  Mode,
  OutcomeStatus,
} from "../../../src/client/index.ts";
import { newGenerationId } from "../../support/state-samples.ts";
import { useTwoServed } from "../../support/use-site.ts";

describe("two replicas on one Redis and one Postgres", () => {
  const clients = useTwoServed();
  const agentType = "evolution";
  const shared = { agentType, codeType: "shared" };
  const allocationOf = async (client: BanditClient) => {
    const { allocation } = await client.getAllocation(shared);
    const arms = allocation?.arms.map((arm) => [arm.variantId, arm.alpha, arm.beta, arm.share]);
    return { arms, version: allocation?.version };
  };

  it("share what they learn, and give the same allocation the same version", async () => {
    for (let round = 0; round < 10; round += 1) {
      const { generationId } = await clients.first.selectVariant(shared);
      // Decided by one replica, reported to the other.
      const outcome = { case: "testRun", value: { passed: round, failed: 10 - round } } as const;
      const { status } = await clients.second.recordOutcome({ generationId, outcome });
      expect(status).toBe(OutcomeStatus.APPLIED);
    }
    await expect
      .poll(() => allocationOf(clients.first), { timeout: 2_000, interval: 20 })
      .toEqual(await allocationOf(clients.second));
  });

  it("give one generation id one answer, from any replica", async () => {
    for (let round = 0; round < 20; round += 1) {
      const request = { agentType, codeType: "ids", generationId: newGenerationId() };
      const [a, b] = await Promise.all([
        clients.first.selectVariant(request),
        clients.second.selectVariant(request),
      ]);
      expect(a).toEqual(b);
    }
  });

  it("both obey the kill switch that one of them was given", async () => {
    await clients.first.setMode({ mode: Mode.STATIC, reason: "test" });
    const source = async () => {
      const answer = await clients.second.selectVariant({ agentType, codeType: "k" });
      return answer.source;
    };
    await expect.poll(source, { timeout: 5_000, interval: 10 }).toBe(DecisionSource.STATIC);
    await clients.first.setMode({ mode: Mode.LEARNING, reason: "test" });
  });
});
