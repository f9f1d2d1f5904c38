import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { formatGenerationId, layOutGenerationId } from "../../../src/domain/generation-id.ts";
import { type GenerationId, parseGenerationId, parseOutcomeId } from "../../../src/domain/ids.ts";
import {
  type ClockworkService,
  clockworkContext as context,
  openClockwork,
} from "../../support/clockwork-service.ts";

const hourMs = 3_600_000;
const content = { source: "ci", passed: true, pipeline: "", url: "" } as const;

describe("outcomes after the attribution window, by a clock that the test moves", () => {
  let site: ClockworkService;
  const record = async (generationId: GenerationId, outcomeId: string) => {
    const outcome = { outcomeId: parseOutcomeId(outcomeId), generationId, content };
    return (await site.service.decisions.recordOutcome(outcome, context)).status;
  };

  beforeAll(async () => {
    site = await openClockwork();
  });
  afterAll(() => site.close());

  it.each(["learned from before", "not reported before"])(
    "nothing is learned about a generation %s once the retention it was promised has ended, though memory still has it",
    async (before) => {
      await site.setPolicy({});
      const generationId = await site.decide();
      const learned = await site.generations();
      if (before === "learned from before")
        expect(await record(generationId, "o1")).toBe("applied");
      const known = await site.generations();
      site.clock.timeMs += 48 * hourMs;
      await site.setPolicy({ learnFromLateOutcomes: true });
      expect(await record(generationId, "o1")).not.toBe("applied");
      expect(await record(generationId, "o2")).toBe("late");
      expect(await site.generations()).toBe(known);
      expect(known - learned).toBe(before === "learned from before" ? 1 : 0);
    },
  );

  it("remembers contributions for as long as the decision was promised, when the policy promises less now", async () => {
    await site.setPolicy({ learnFromLateOutcomes: true });
    const generationId = await site.decide();
    const learned = await site.generations();
    await site.setPolicy({});
    expect(await record(generationId, "o1")).toBe("applied");
    site.clock.timeMs += 10 * 24 * hourMs;
    await site.setPolicy({ learnFromLateOutcomes: true });
    expect(await record(generationId, "o1")).toBe("duplicate");
    expect(await record(generationId, "o2")).toBe("replaced");
    expect(await site.generations()).toBe(learned + 1);
  });

  it("recognises a repeated outcome and report by the event log when nothing else remembers them, and writes nothing", async () => {
    await site.setPolicy({});
    const generationId = await site.decide();
    const report = { generationId, model: "m", codeHash: "", content: "" };
    const reported = async () =>
      (await site.service.decisions.recordGeneration(report, context)).status;
    expect(await record(generationId, "o1")).toBe("applied");
    expect(await reported()).toBe("recorded");
    await site.forget();
    await site.running.drain.flush();
    site.clock.timeMs += 5 * 24 * hourMs;
    expect(await site.engines.state.findDecision(generationId)).toBeUndefined();
    expect(await record(generationId, "o1")).toBe("duplicate");
    expect(await reported()).toBe("duplicate");
    expect(await record(generationId, "o2")).toBe("late");
    const { history } = await site.service.insight.explainGeneration(generationId, context);
    expect(history.outcomes.map((row) => [row.outcome_id, row.learned, row.late])).toEqual([
      ["o1", 1, 0],
      ["o2", 0, 1],
    ]);
    expect(history.generation?.late).toBe(0);
  });

  it("finds an old decision whatever kind of UUID its id is, and however short its window was", async () => {
    await site.setPolicy({ attributionWindowSeconds: 1 });
    const random = parseGenerationId("f47ac10b-58cc-4372-a567-0e02b2c3d479");
    const ahead = parseGenerationId("7fffffff-ffff-7372-a567-0e02b2c3d479");
    const own = await site.decide();
    await site.decide({ generationId: random });
    await site.decide({ generationId: ahead });
    await site.forget();
    await site.running.drain.flush();
    // The service's own id says that it is three seconds old, the others tell nothing true.
    site.clock.timeMs += 3_000;
    expect(await record(own, "o1")).toBe("late");
    site.clock.timeMs += 25 * hourMs;
    for (const id of [own, random, ahead]) expect(await record(id, "o2")).toBe("late");
  });

  it("refuses an unknown id of the last moments without asking the event log, an older one after asking", async () => {
    const lookups = vi.spyOn(site.engines.eventLog, "findGeneration");
    const id = new Uint8Array(16).fill(0x99);
    layOutGenerationId(id, { timestampMs: site.clock.timeMs - 50_000, bucket: 1 });
    const refusal = { reason: "GENERATION_NOT_FOUND" };
    await expect(record(formatGenerationId(id), "o1")).rejects.toMatchObject(refusal);
    expect(lookups).not.toHaveBeenCalled();
    layOutGenerationId(id, { timestampMs: site.clock.timeMs - 70_000, bucket: 1 });
    await expect(record(formatGenerationId(id), "o1")).rejects.toMatchObject(refusal);
    expect(lookups).toHaveBeenCalledTimes(1);
    lookups.mockRestore();
  });

  it("takes many late outcomes at once", async () => {
    await site.setPolicy({});
    const ids = await Promise.all(Array.from({ length: 30 }, () => site.decide()));
    await site.running.drain.flush();
    site.clock.timeMs += 48 * hourMs;
    const statuses = await Promise.all(ids.map((id) => record(id, "o1")));
    expect(new Set(statuses)).toEqual(new Set(["late"]));
  });
});
