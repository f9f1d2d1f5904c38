import type { Policy } from "../../src/domain/policy.ts";
import type { Decision } from "../../src/service/api/decisions.ts";
import { rewardComponent } from "./catalogue-samples.ts";
import { LearningAgent } from "./learning-agent.ts";
import type { Replica, Site } from "./site.ts";

const minuteMs = 60_000;
const codeTypes = ["go", "Go", "python_class"];
const features = [{ name: "size", mean: 1, scale: 2 }];

const policies: readonly Partial<Policy>[] = [
  {},
  { forgettingHalfLifeSeconds: 1_800, defaultReward: 0.25 },
  {
    algorithm: {
      ...{ kind: "linear_thompson", features, priorVariance: 1, noiseStandardDeviation: 0.5 },
    },
    forgettingHalfLifeSeconds: 7_200,
  },
  {
    reward: {
      costPenaltyPerUsd: 2,
      latencyPenaltyPerSecond: 0,
      components: [rewardComponent("score", 0.7)],
    },
    learnFromLateOutcomes: true,
  },
];

/**
 * Several agent types, code types and arms over three hours of the site's clock, with everything that can be
 * reported: replaced, superseded, repeated and late outcomes, costs, default rewards, a frozen phase, a change of
 * the half-life. Ends with decisions that are still open.
 */
export async function mixedHistory(
  site: Pick<Site, "clock">,
  replica: Pick<Replica, "service" | "running">,
): Promise<{ readonly agents: readonly LearningAgent[] }> {
  const agents = await Promise.all(
    policies.map((policy, index) => {
      const options = { service: replica.service, name: `mixed_${index}`, policy };
      return new LearningAgent(options).create(["a", "b", "c"]);
    }),
  );
  const late: { agent: LearningAgent; decision: Decision }[] = [];
  for (let round = 0; round < 36; round += 1) {
    const task = async (agent: LearningAgent, index: number): Promise<void> => {
      const codeType = codeTypes[(round + index) % codeTypes.length] as string;
      const only = ["a", "b", "c"][Math.floor(round / 2) % 3] as string;
      const size = (round % 7) - 3;
      const decision = await agent.decide(codeType, { only, features: { size } });
      if (round % 9 === 8) late.push({ agent, decision });
      else await reportMixed(agent, decision, { round, nowMs: site.clock.timeMs });
    };
    await Promise.all(agents.map(task));
    if (round === 12) await agents[0]?.setMode("frozen");
    if (round === 15) await agents[0]?.setMode("learning");
    if (round === 20)
      await agents[1]?.setPolicy({ ...policies[1], forgettingHalfLifeSeconds: 600 });
    if (round % 12 === 11) await replica.running.defaultRewards.run();
    site.clock.timeMs += 5 * minuteMs;
  }
  for (const { agent, decision } of late) await agent.report(decision, 0.9, { outcomeId: "late" });
  for (const agent of agents) await agent.decide("open");
  return { agents };
}

async function reportMixed(
  agent: LearningAgent,
  decision: Decision,
  { round, nowMs }: { round: number; nowMs: number },
): Promise<void> {
  const score = ((round * 7) % 11) / 10 - (round % 11 === 0 ? 0 : 0.05);
  const at = (offsetMs: number, outcomeId: string) => {
    return { outcomeId, occurredAtMs: nowMs + offsetMs };
  };
  await agent.report(decision, score, at(0, "o1"));
  if (round % 2 === 0) await agent.reportRun(decision, { costUsd: 0.01 * (round % 5) });
  if (round % 3 === 0) await agent.report(decision, 1 - score, at(10, "o2"));
  if (round % 4 === 0) await agent.report(decision, 0.5, at(5, "o3"));
  if (round % 5 === 0) await agent.report(decision, 0, at(0, "o1"));
}
