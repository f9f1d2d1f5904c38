import { beforeAll, describe, expect, it } from "vitest";
import { callContext } from "../../support/call-context.ts";
import { type Fault, faultyEventLog } from "../../support/faulty.ts";
import { ciPolicy, type LearningAgent } from "../../support/learning-agent.ts";
import { useReplica } from "../../support/use-site.ts";

const dayMs = 86_400_000;

describe("learning over time, by a clock that the test moves", () => {
  let agent: LearningAgent;
  let events: { fault: Fault | undefined; failures: number } = { fault: undefined, failures: 0 };
  const site = useReplica("embedded", ({ eventLog }) => ({
    eventLog: faultyEventLog(eventLog, (method) => {
      if (method !== "append" || events.fault === undefined) return undefined;
      events.failures += 1;
      return events.fault;
    }),
  }));
  const mean = async () => (await agent.arm("only")).mean;
  const count = async (table: string) =>
    Number((await agent.rows(`SELECT count() FROM ${table}`))[0]?.[0]);

  beforeAll(async () => {
    agent = await site.agent(ciPolicy, ["only"]);
  });

  it("learns from an outcome inside the attribution window and only logs one after it", async () => {
    const inTime = await agent.decide();
    const tooLate = await agent.decide();
    site.clock.timeMs += 3_599_000;
    expect(await agent.reportCi(inTime)).toBe("applied");
    const before = await mean();
    site.clock.timeMs += 2_000;
    expect(await agent.reportCi(tooLate)).toBe("late");
    expect(await mean()).toBe(before);
    const rows = await agent.rows(
      `SELECT late, learned FROM outcomes FINAL WHERE generation_id = '${tooLate.generationId}'`,
    );
    expect(rows).toEqual([[1, 0]]);
  });

  it("joins an outcome through the event log when the decision has left the live state", async () => {
    const decision = await agent.decide();
    await agent.decide();
    await agent.decide();
    await site.running.drain.flush();
    site.clock.timeMs += 5 * dayMs;
    const { generationId } = decision;
    expect(await site.engines.state.findDecision(generationId)).toBeUndefined();
    const outcomeId = "five-days-later";
    expect(await agent.reportCi(decision, { outcomeId })).toBe("late");
    expect(await agent.reportCi(decision, { outcomeId })).toBe("duplicate");
    const explained = await site.service.insight.explainGeneration(generationId, callContext);
    expect(explained.history.outcomes.map((row) => row.outcome_id)).toEqual([outcomeId]);
    expect(explained.consistent).toBe(true);
  });

  it("learns from late outcomes where the policy says so, still counting a generation once", async () => {
    await agent.setPolicy({ learnFromLateOutcomes: true });
    const decision = await agent.decide();
    site.clock.timeMs += 10 * dayMs;
    const before = await mean();
    expect(await agent.reportCi(decision)).toBe("applied");
    const after = await mean();
    expect(after).toBeGreaterThan(before);
    site.clock.timeMs += 10 * dayMs;
    expect(await agent.reportCi(decision)).toBe("replaced");
    expect(await mean()).toBe(after);
    await agent.setPolicy({});
  });

  it("stores user ids hashed and content not at all", async () => {
    const decision = await agent.decide();
    await agent.reportRun(decision, { content: "secret source" });
    const userId = "ann@example.org";
    await agent.recordOutcome(decision, { source: "user_rating", overall: 4, comment: "", userId });
    await site.running.drain.flush();
    const found = await site.engines.eventLog.findGeneration(decision.generationId);
    const logged = JSON.stringify(found);
    expect(logged).toMatch(/"user_hash":"[0-9a-f]{32}"/);
    expect(logged).not.toContain(userId);
    expect(logged).not.toContain("secret source");
  });

  it.each([
    ["before", "refused"],
    ["after", "lost"],
  ] as const)(
    "writes every event exactly once when the event log fails %s it has stored the rows",
    async (_, kind) => {
      const [decisions, outcomes] = [await count("decisions"), await count("outcomes")];
      const expectUnavailable = () =>
        expect(site.running.drain.flush()).rejects.toMatchObject({
          reason: "EVENT_LOG_UNAVAILABLE",
        });
      events = { fault: { kind }, failures: 0 };
      for (let round = 0; round < 50; round += 1) await agent.reportCi(await agent.decide());
      await expectUnavailable();
      for (let round = 0; round < 3; round += 1) {
        await agent.reportCi(await agent.decide());
        await expectUnavailable();
      }
      expect(events.failures).toBeGreaterThanOrEqual(4);
      events.fault = undefined;
      // Without FINAL: the rows themselves, not what the engine makes of copies.
      expect(await count("decisions")).toBe(decisions + 53);
      expect(await count("outcomes")).toBe(outcomes + 53);
      expect((await site.engines.state.outboxState()).entries).toBe(0);
    },
  );
});
