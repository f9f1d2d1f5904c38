import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GenerationId, parseOutcomeId } from "../../src/domain/ids.ts";
import {
  type ClockworkService,
  clockworkContext as context,
  openClockwork,
} from "../support/clockwork-service.ts";

const hourMs = 3_600_000;
const content = { source: "ci", passed: true, pipeline: "", url: "" } as const;

describe("outcomes after the attribution window, by a clock that the test moves", () => {
  let site: ClockworkService;
  const record = async (generationId: GenerationId, outcomeId: string) => {
    const outcome = { outcomeId: parseOutcomeId(outcomeId), generationId, content };
    return (await site.service.recordOutcome(outcome, context)).status;
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
});
