import { beforeAll, describe, expect, it, vi } from "vitest";
import { formatGenerationId, layOutGenerationId } from "../../../src/domain/generation-id.ts";
import { parseGenerationId } from "../../../src/domain/ids.ts";
import { callContext } from "../../support/call-context.ts";
import { ciPolicy, type LearningAgent } from "../../support/learning-agent.ts";
import { decisionsRemembered } from "../../support/site.ts";
import { useReplica } from "../../support/use-site.ts";

const hourMs = 3_600_000;
const learnLate = { learnFromLateOutcomes: true };
const o1 = { outcomeId: "o1" };
const o2 = { outcomeId: "o2" };

describe("outcomes after the attribution window, by a clock that the test moves", () => {
  const site = useReplica();
  let agent: LearningAgent;
  beforeAll(async () => {
    agent = await site.agent(ciPolicy, ["only"]);
  });
  /** Decides until no earlier decision is in the service's memory. */
  const forget = async () => {
    for (let made = 0; made <= decisionsRemembered; made += 1) await agent.decide();
    await site.running.drain.flush();
  };

  it.each(["learned from before", "not reported before"])(
    "nothing is learned about a generation %s once the retention it was promised has ended, though memory still has it",
    async (before) => {
      await agent.setPolicy({});
      const decision = await agent.decide();
      const learned = await agent.generations();
      if (before === "learned from before")
        expect(await agent.reportCi(decision, o1)).toBe("applied");
      const known = await agent.generations();
      site.clock.timeMs += 48 * hourMs;
      await agent.setPolicy(learnLate);
      expect(await agent.reportCi(decision, o1)).not.toBe("applied");
      expect(await agent.reportCi(decision, o2)).toBe("late");
      expect(await agent.generations()).toBe(known);
      expect(known - learned).toBe(before === "learned from before" ? 1 : 0);
    },
  );

  it("remembers contributions for as long as the decision was promised, when the policy promises less now", async () => {
    await agent.setPolicy(learnLate);
    const decision = await agent.decide();
    const learned = await agent.generations();
    await agent.setPolicy({});
    expect(await agent.reportCi(decision, o1)).toBe("applied");
    site.clock.timeMs += 10 * 24 * hourMs;
    await agent.setPolicy(learnLate);
    expect(await agent.reportCi(decision, o1)).toBe("duplicate");
    expect(await agent.reportCi(decision, o2)).toBe("replaced");
    expect(await agent.generations()).toBe(learned + 1);
  });

  it("recognises a repeated outcome and report by the event log when nothing else remembers them, and writes nothing", async () => {
    await agent.setPolicy({});
    const decision = await agent.decide();
    const { generationId } = decision;
    expect(await agent.reportCi(decision, o1)).toBe("applied");
    expect(await agent.reportRun(decision)).toBe("recorded");
    await forget();
    site.clock.timeMs += 5 * 24 * hourMs;
    expect(await site.engines.state.findDecision(generationId)).toBeUndefined();
    expect(await agent.reportCi(decision, o1)).toBe("duplicate");
    expect(await agent.reportRun(decision)).toBe("duplicate");
    expect(await agent.reportCi(decision, o2)).toBe("late");
    const { history } = await site.service.insight.explainGeneration(generationId, callContext);
    expect(history.outcomes.map((row) => [row.outcome_id, row.learned, row.late])).toEqual([
      ["o1", 1, 0],
      ["o2", 0, 1],
    ]);
    expect(history.generation?.late).toBe(0);
  });

  it("finds an old decision whatever kind of UUID its id is, and however short its window was", async () => {
    await agent.setPolicy({ attributionWindowSeconds: 1 });
    const own = await agent.decide();
    const random = parseGenerationId("f47ac10b-58cc-4372-a567-0e02b2c3d479");
    const ahead = parseGenerationId("7fffffff-ffff-7372-a567-0e02b2c3d479");
    const given = [random, ahead].map((generationId) => agent.decide("c", { generationId }));
    const decisions = [own, ...(await Promise.all(given))];
    await forget();
    // The service's own id says that it is three seconds old, the others tell nothing true.
    site.clock.timeMs += 3_000;
    expect(await agent.reportCi(own, o1)).toBe("late");
    site.clock.timeMs += 25 * hourMs;
    for (const decision of decisions) expect(await agent.reportCi(decision, o2)).toBe("late");
  });

  it("refuses an unknown id of the last moments without asking the event log, an older one after asking", async () => {
    const lookups = vi.spyOn(site.engines.eventLog, "findGeneration");
    const reportUnknown = (ageMs: number) => {
      const id = new Uint8Array(16).fill(0x99);
      layOutGenerationId(id, { timestampMs: site.clock.timeMs - ageMs, bucket: 1 });
      return agent.reportCi({ generationId: formatGenerationId(id) }, o1);
    };
    const refusal = { reason: "GENERATION_NOT_FOUND" };
    await expect(reportUnknown(50_000)).rejects.toMatchObject(refusal);
    expect(lookups).not.toHaveBeenCalled();
    await expect(reportUnknown(70_000)).rejects.toMatchObject(refusal);
    expect(lookups).toHaveBeenCalledTimes(1);
    lookups.mockRestore();
  });

  it("takes many late outcomes at once", async () => {
    await agent.setPolicy({});
    const decisions = await Promise.all(Array.from({ length: 30 }, () => agent.decide()));
    await site.running.drain.flush();
    site.clock.timeMs += 48 * hourMs;
    const statuses = await Promise.all(decisions.map((decision) => agent.reportCi(decision, o1)));
    expect(new Set(statuses)).toEqual(new Set(["late"]));
  });
});
