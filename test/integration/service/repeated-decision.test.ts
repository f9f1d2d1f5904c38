import { afterAll, beforeAll, expect, it } from "vitest";
import { type ClockworkService, openClockwork } from "../../support/clockwork-service.ts";
import { around } from "../../support/faulty.ts";
import { newGenerationId } from "../../support/state-samples.ts";

const minuteMs = 60_000;
let site: ClockworkService;
let asked = 0;

beforeAll(async () => {
  site = await openClockwork(({ state }) => ({
    state: around(state, (call, method) => {
      if (method === "recordDecision") asked += 1;
      return call();
    }),
  }));
});
afterAll(() => site.close());

it("repeating a decision does not make the service rely on its memory of it for longer", async () => {
  const generationId = newGenerationId();
  await site.decide({ generationId });
  expect(asked).toBe(1);
  // Within nine minutes of when the store was known to have it, it is answered from memory.
  for (let repeat = 0; repeat < 4; repeat += 1) {
    site.clock.timeMs += 2 * minuteMs;
    await site.decide({ generationId });
  }
  expect(asked).toBe(1);
  site.clock.timeMs += 2 * minuteMs;
  await site.decide({ generationId });
  expect(asked).toBe(2);
  // The store has said that it has it, which counts from now on.
  site.clock.timeMs += 2 * minuteMs;
  await site.decide({ generationId });
  expect(asked).toBe(2);
});
