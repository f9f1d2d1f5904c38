import { expect, it } from "vitest";
import { around } from "../../support/faulty.ts";
import { newGenerationId } from "../../support/state-samples.ts";
import { useReplica } from "../../support/use-site.ts";

const minuteMs = 60_000;
let asked = 0;
const site = useReplica("embedded", ({ state }) => ({
  state: around(state, (call, method) => {
    if (method === "recordDecision") asked += 1;
    return call();
  }),
}));

it("repeating a decision does not make the service rely on its memory of it for longer", async () => {
  const agent = await site.agent();
  const generationId = newGenerationId();
  await agent.decide("c", { generationId });
  const repeatLater = async () => {
    site.clock.timeMs += 2 * minuteMs;
    await agent.decide("c", { generationId });
  };
  expect(asked).toBe(1);
  // Within nine minutes of when the store was known to have it, it is answered from memory.
  for (let repeat = 0; repeat < 4; repeat += 1) await repeatLater();
  expect(asked).toBe(1);
  await repeatLater();
  expect(asked).toBe(2);
  // The store has said that it has it, which counts from now on.
  await repeatLater();
  expect(asked).toBe(2);
});
