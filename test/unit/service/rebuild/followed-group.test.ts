import fc from "fast-check";
import { expect, test } from "vitest";
import { zeroTotals } from "../../../../src/domain/contribution.ts";
import type { AgentType, CodeType, GenerationId, VariantId } from "../../../../src/domain/ids.ts";
import type { GenerationPage, ReadGenerationsInput } from "../../../../src/ports/generation-log.ts";
import { FollowedGroup } from "../../../../src/service/rebuild/followed-group.ts";
import {
  type Delivery,
  type History,
  historyArbitrary,
  type Place,
  requireTotals,
} from "../../../conformance/contribution-model.ts";
import {
  historyPolicy,
  loggedEvent,
  loggedGeneration,
} from "../../../conformance/history-clock.ts";
import { forAll } from "../../../support/for-all.ts";

const group = { agentType: "evolution" as AgentType, codeType: "go" as CodeType };
const variantId = "evolution/a@1" as VariantId;
const never = { signal: new AbortController().signal, onPage: async () => undefined };

/** An event log that fills up while it is read; what is under way can be read a while after it was ingested. */
class GrowingLog {
  nowMs = 1_000_000;
  reads: ReadGenerationsInput[] = [];
  readonly #places: readonly Place[];
  readonly #rows: { delivery: Delivery; ingestedAtMs: number; visibleFromMs: number }[] = [];

  constructor(places: readonly Place[]) {
    this.#places = places;
  }

  insert(delivery: Delivery, takesMs: number): void {
    const { nowMs } = this;
    this.#rows.push({ delivery, ingestedAtMs: nowMs, visibleFromMs: nowMs + takesMs });
  }

  readClockMs = async () => this.nowMs;

  readGenerations = async (input: ReadGenerationsInput): Promise<GenerationPage> => {
    this.reads.push(input);
    const { changedFromMs = 0 } = input;
    const generations = this.#places.flatMap((place, generation) => {
      const rows = this.#rows.filter(
        (row) => row.delivery.generation === generation && row.visibleFromMs <= this.nowMs,
      );
      if (!rows.some(({ ingestedAtMs }) => ingestedAtMs >= changedFromMs)) return [];
      const arm = { ...group, variantId, generationId: `g${generation}` as GenerationId };
      const events = rows.map(({ delivery, ingestedAtMs }) => loggedEvent(delivery, ingestedAtMs));
      return loggedGeneration(arm, place, events);
    });
    return { generations };
  };
}

const growthArbitrary = fc.record({
  steps: fc.array(
    fc.record({
      inserted: fc.nat({ max: 4 }),
      takesMs: fc.nat({ max: 29_000 }),
      passMs: fc.constantFrom(0, 1, 5_000, 31_000, 200_000),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  recentMax: fc.constantFrom(0, 1, 2, 100),
});

async function followed(history: History, growth: { steps: readonly Step[]; recentMax: number }) {
  const log = new GrowingLog(history.places);
  const following = new FollowedGroup({
    ...{ group, eventLog: log, policy: historyPolicy, recentMax: growth.recentMax },
  });
  const waiting = [...history.events];
  for (const { inserted, takesMs, passMs } of growth.steps) {
    for (const delivery of waiting.splice(0, inserted)) log.insert(delivery, takesMs);
    log.nowMs += passMs;
    await following.read(never);
  }
  for (const delivery of waiting) log.insert(delivery, 0);
  log.nowMs += 30_000;
  await following.read(never);
  return { totals: following.arms.get(variantId) ?? zeroTotals, log };
}
type Step = { inserted: number; takesMs: number; passMs: number };

test("readings of what has changed add up to what a reading of everything gives", () =>
  forAll([historyArbitrary, growthArbitrary], { numRuns: 300 }, async (history, growth) => {
    requireTotals((await followed(history, growth)).totals, history);
  }));

test("a second reading asks for what has changed only, unless there was no room to remember it", async () => {
  const place = { forgettingPosition: 0 };
  const events = [0, 1, 2].map((generation) => ({
    ...{ generation, eventId: "a", occurredAtMs: 0 },
    contributions: [{ component: "ci", value: 1, weight: 1, penalty: 0 }],
  }));
  const history = { places: [place, place, place], events, deliveries: events, together: 1 };
  const steps = [1, 1, 0].map((inserted) => ({ inserted, takesMs: 0, passMs: 1_000 }));
  const asked = async (recentMax: number) => {
    const { log } = await followed(history, { steps, recentMax });
    return log.reads.map(({ changedFromMs }) => changedFromMs);
  };
  expect(await asked(100)).toEqual([undefined, 941_000, 942_000, 943_000]);
  expect(await asked(1)).toEqual([undefined, 941_000, undefined, undefined]);
});

test("after a failure everything is read again", async () => {
  const log = new GrowingLog([{ forgettingPosition: 0 }]);
  const following = new FollowedGroup({ group, eventLog: log, policy: undefined });
  await following.read(never);
  const failing = { ...never, onPage: () => Promise.reject(new Error("lost")) };
  await expect(following.read(failing)).rejects.toThrow("lost");
  await following.read(never);
  expect(log.reads.map(({ changedFromMs }) => changedFromMs !== undefined)).toEqual([
    ...[false, true, false],
  ]);
});
