import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseOutcomeId } from "../../../src/domain/ids.ts";
import {
  clockworkAgent as agentType,
  type ClockworkService,
  clockworkCode as codeType,
  clockworkContext as context,
  openClockwork,
} from "../../support/clockwork-service.ts";
import { type Fault, faultyEventLog } from "../../support/faulty.ts";

const content = { source: "ci", passed: true, pipeline: "", url: "" } as const;

describe("learning over time, by a clock that the test moves", () => {
  let clockwork: ClockworkService;
  let running: ClockworkService["running"];
  let clock: ClockworkService["clock"];
  let decide: ClockworkService["decide"];
  let events: { fault: Fault | undefined; failures: number } = { fault: undefined, failures: 0 };

  const meanOf = async (variantId: string) => {
    const view = await running.service.decisions.getAllocation(
      { agentType, codeType, features: {} },
      context,
    );
    return view.arms.find((arm) => arm.variantId === variantId)?.mean;
  };
  const count = async (table: string) => {
    const { rows } = await running.service.insight.query(
      {
        sql: `SELECT count() FROM ${table} WHERE agent_type = 'clockwork'`,
        rowsMax: 1,
        timeoutMs: 10_000,
        fresh: true,
      },
      context,
    );
    return Number(rows[0]?.[0]);
  };

  beforeAll(async () => {
    clockwork = await openClockwork(({ eventLog }) => ({
      eventLog: faultyEventLog(eventLog, (method) => {
        if (method !== "append" || events.fault === undefined) return undefined;
        events.failures += 1;
        return events.fault;
      }),
    }));
    ({ running, clock, decide } = clockwork);
  });
  afterAll(() => clockwork.close());

  it("learns from an outcome inside the attribution window and only logs one after it", async () => {
    const inTime = await decide();
    const tooLate = await decide();
    clock.timeMs += 3_599_000;
    const applied = await running.service.decisions.recordOutcome(
      { generationId: inTime, content },
      context,
    );
    expect(applied.status).toBe("applied");
    const mean = await meanOf("clockwork/only@1");
    clock.timeMs += 2_000;
    const late = await running.service.decisions.recordOutcome(
      { generationId: tooLate, content },
      context,
    );
    expect(late.status).toBe("late");
    expect(await meanOf("clockwork/only@1")).toBe(mean);
    const { rows } = await running.service.insight.query(
      {
        sql: `SELECT late, learned FROM outcomes FINAL WHERE generation_id = '${tooLate}'`,
        rowsMax: 10,
        timeoutMs: 10_000,
        fresh: true,
      },
      context,
    );
    expect(rows).toEqual([[1, 0]]);
  });

  it("joins an outcome through the event log when the decision has left the live state", async () => {
    const decision = await decide();
    await decide();
    await decide();
    await running.drain.flush();
    clock.timeMs += 5 * 24 * 3600 * 1000;
    expect(await clockwork.engines.state.findDecision(decision)).toBeUndefined();
    const outcomeId = parseOutcomeId("five-days-later");
    const outcome = { outcomeId, generationId: decision, content };
    expect(await running.service.decisions.recordOutcome(outcome, context)).toEqual({
      outcomeId,
      status: "late",
    });
    expect((await running.service.decisions.recordOutcome(outcome, context)).status).toBe(
      "duplicate",
    );
    const explanation = await running.service.insight.explainGeneration(decision, context);
    expect(explanation.history.outcomes.map((row) => row.outcome_id)).toEqual([outcomeId]);
    expect(explanation.consistent).toBe(true);
  });

  it("learns from late outcomes where the policy says so, still counting a generation once", async () => {
    await clockwork.setPolicy({ learnFromLateOutcomes: true });
    const decision = await decide();
    clock.timeMs += 10 * 24 * 3600 * 1000;
    const before = await meanOf("clockwork/only@1");
    const record = (passed: boolean) =>
      running.service.decisions.recordOutcome(
        { generationId: decision, content: { ...content, passed } },
        context,
      );
    expect((await record(true)).status).toBe("applied");
    const after = await meanOf("clockwork/only@1");
    expect(after).toBeGreaterThan(before ?? 1);
    clock.timeMs += 10 * 24 * 3600 * 1000;
    expect((await record(true)).status).toBe("replaced");
    expect(await meanOf("clockwork/only@1")).toBe(after);
    await clockwork.setPolicy({ learnFromLateOutcomes: false });
  });

  it("stores user ids hashed and content not at all", async () => {
    const generationId = await decide();
    await running.service.decisions.recordGeneration(
      { generationId, model: "m", codeHash: "", content: "secret source" },
      context,
    );
    await running.service.decisions.recordOutcome(
      {
        generationId,
        content: { source: "user_rating", overall: 4, comment: "", userId: "ann@example.org" },
      },
      context,
    );
    await running.drain.flush();
    const logged = JSON.stringify(await clockwork.engines.eventLog.findGeneration(generationId));
    expect(logged).toMatch(/"user_hash":"[0-9a-f]{32}"/);
    expect(logged).not.toContain("ann@example.org");
    expect(logged).not.toContain("secret source");
  });

  it.each([
    ["before", "refused"],
    ["after", "lost"],
  ] as const)(
    "writes every event exactly once when the event log fails %s it has stored the rows",
    async (_, kind) => {
      const [decisions, outcomes] = [await count("decisions"), await count("outcomes")];
      events = { fault: { kind }, failures: 0 };
      for (let round = 0; round < 50; round += 1) {
        const generationId = await decide();
        await running.service.decisions.recordOutcome({ generationId, content }, context);
      }
      await expect(running.drain.flush()).rejects.toMatchObject({
        reason: "EVENT_LOG_UNAVAILABLE",
      });
      for (let round = 0; round < 3; round += 1) {
        const generationId = await decide();
        await running.service.decisions.recordOutcome({ generationId, content }, context);
        await expect(running.drain.flush()).rejects.toMatchObject({
          reason: "EVENT_LOG_UNAVAILABLE",
        });
      }
      expect(events.failures).toBeGreaterThanOrEqual(4);
      events.fault = undefined;
      // Without FINAL: the rows themselves, not what the engine makes of copies.
      expect(await count("decisions")).toBe(decisions + 53);
      expect(await count("outcomes")).toBe(outcomes + 53);
      expect((await clockwork.engines.state.outboxState()).entries).toBe(0);
    },
  );
});
