import { beforeAll, describe, expect, it, vi } from "vitest";
import type { AgentType, CodeType, VariantId } from "../../../src/domain/ids.ts";
import { callContext } from "../../support/call-context.ts";
import { rewardComponent } from "../../support/catalogue-samples.ts";
import { ciPolicy, type LearningAgent } from "../../support/learning-agent.ts";
import { useReplica } from "../../support/use-site.ts";

const arm = { agentType: "agent_0" as AgentType, variantId: "agent_0/only@1" as VariantId };

describe("an agent type with outcomes for 10,000 code types", () => {
  const site = useReplica("embedded", (engines) => {
    vi.spyOn(engines.state, "listTotals").mockImplementation(async function* () {
      for (let index = 0; index < 10_000; index += 1) {
        const totals = { reward: 1, weight: 1, squares: 1, generations: 1, position: 0 };
        yield { ...arm, codeType: `known_${index}` as CodeType, totals, version: 1 };
      }
    });
    return {};
  });
  let agent: LearningAgent;
  beforeAll(async () => {
    const components = [
      rewardComponent("ci_passed", 0.5),
      rewardComponent("cost_usd", 0.5, { lowerIsBetter: true }),
    ];
    const reward = { ...ciPolicy.reward, components };
    agent = await site.agent({ ...ciPolicy, reward }, ["only"]);
    expect(agent.agentType).toBe(arm.agentType);
  });

  const report = async (codeType: string) => {
    const decision = await agent.decide(codeType);
    const statuses = [
      await agent.reportCi(decision),
      await agent.reportRun(decision, { costUsd: 0.25 }),
    ];
    await site.running.drain.flush();
    const { generationId } = decision;
    const { history } = await site.service.insight.explainGeneration(generationId, callContext);
    return { statuses, learned: [history.outcomes[0]?.learned, history.generation?.learned] };
  };

  it("logs reports on one more and does not learn from them, so that no more posteriors come to be", async () => {
    expect(await report("c")).toEqual({ statuses: ["not_learned", "recorded"], learned: [0, 0] });
    expect(await agent.generations()).toBe(0);
    expect(await site.metric("bandit_code_types_not_admitted_total")).toBe(2);
  });

  it("goes on learning about the others", async () => {
    const wanted = { statuses: ["applied", "recorded"], learned: [1, 1] };
    expect(await report("known_0")).toEqual(wanted);
  });
});
