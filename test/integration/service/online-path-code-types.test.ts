import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type CodeType, parseCodeType, type VariantId } from "../../../src/domain/ids.ts";
import {
  type ClockworkService,
  clockworkAgent,
  clockworkPolicy,
  clockworkContext as context,
  openClockwork,
} from "../../support/clockwork-service.ts";

const arm = { agentType: clockworkAgent, variantId: "clockwork/only@1" as VariantId };
const known = parseCodeType("known_0");

describe("an agent type with outcomes for 10,000 code types", () => {
  let site: ClockworkService;

  beforeAll(async () => {
    site = await openClockwork((engines) => {
      vi.spyOn(engines.state, "listTotals").mockImplementation(async function* () {
        for (let index = 0; index < 10_000; index += 1) {
          const totals = { reward: 1, weight: 1, squares: 1, generations: 1, position: 0 };
          yield { ...arm, codeType: `known_${index}` as CodeType, totals, version: 1 };
        }
      });
      return {};
    });
    const component = {
      metric: "cost_usd",
      weight: 0.5,
      min: 0,
      max: 1,
      lowerIsBetter: true,
      unbounded: false,
    };
    const half = clockworkPolicy.reward.components.map((one) => ({ ...one, weight: 0.5 }));
    await site.setPolicy({
      reward: { ...clockworkPolicy.reward, components: [...half, component] },
    });
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    await site.close();
  });

  const report = async (codeType?: CodeType) => {
    const generationId = await site.decide(codeType === undefined ? {} : { codeType });
    const content = { source: "ci", passed: true, pipeline: "", url: "" } as const;
    const outcome = await site.service.decisions.recordOutcome({ generationId, content }, context);
    const run = await site.service.decisions.recordGeneration(
      { generationId, model: "m", costUsd: 0.25, codeHash: "", content: "" },
      context,
    );
    await site.running.drain.flush();
    const { history } = await site.service.insight.explainGeneration(generationId, context);
    return {
      statuses: [outcome.status, run.status],
      learned: [history.outcomes[0]?.learned, history.generation?.learned],
    };
  };

  it("logs reports on one more and does not learn from them, so that no more posteriors come to be", async () => {
    expect(await report()).toEqual({ statuses: ["not_learned", "recorded"], learned: [0, 0] });
    expect(await site.generations()).toBe(0);
    const { body } = await site.telemetry.page();
    expect(body).toContain("bandit_code_types_not_admitted_total 2");
  });

  it("goes on learning about the others", async () => {
    expect(await report(known)).toEqual({ statuses: ["applied", "recorded"], learned: [1, 1] });
  });
});
