import { expect, test } from "vitest";
import { defaultPolicy } from "../../../../src/bandit/default-policy.ts";
import { zeroTotals } from "../../../../src/domain/contribution.ts";
import type { AgentType, CodeType, GenerationId, VariantId } from "../../../../src/domain/ids.ts";
import type { LoggedEvent } from "../../../../src/ports/generation-log.ts";
import { RecomputedTotals } from "../../../../src/service/rebuild/recompute-totals.ts";
import {
  type History,
  historyArbitrary,
  type Place,
  requireTotals,
  wrongRules,
} from "../../../conformance/contribution-model.ts";
import {
  historyPolicy,
  loggedEvent,
  loggedGeneration,
} from "../../../conformance/history-clock.ts";
import { policyRecord } from "../../../support/catalogue-samples.ts";
import { expectCounterexample, forAll } from "../../../support/for-all.ts";

const arm = {
  agentType: "evolution" as AgentType,
  codeType: "go" as CodeType,
  variantId: "evolution/a@1" as VariantId,
};

const generationId = "g" as GenerationId;
const generationOf = (place: Place, events: readonly LoggedEvent[]) =>
  loggedGeneration({ ...arm, generationId }, place, events);

/** The log of a history, the events in the order of their deliveries. */
function recomputed(history: History) {
  const totals = new RecomputedTotals(historyPolicy);
  for (const [generation, place] of history.places.entries()) {
    const delivered = new Map(
      history.deliveries
        .filter((delivery) => delivery.generation === generation)
        .map((delivery) => [delivery.eventId, delivery]),
    );
    totals.add(generationOf(place, [...delivered.values()].map(loggedEvent)));
  }
  return totals.arms.get(arm.variantId) ?? zeroTotals;
}

test("the fold of the log is the plain recomputation of the page of the domain, in any order of receipt", () =>
  forAll([historyArbitrary], { numRuns: 500 }, (history) =>
    requireTotals(recomputed(history), history),
  ));

test.each(Object.entries(wrongRules))("the comparison notices when %s", (_, wrong) =>
  expectCounterexample([historyArbitrary], 2_000, (history) =>
    requireTotals(recomputed(history), history, wrong),
  ),
);

const minuteMs = 60_000;
/** A half-life of an hour, counted from the beginning. */
const forgetful = policyRecord({ policy: { ...defaultPolicy, forgettingHalfLifeSeconds: 3_600 } });

function outcome(receivedMinute: number, value: number, component = "x"): LoggedEvent {
  return {
    eventId: `outcome:${receivedMinute} ${component}`,
    occurredAtMs: receivedMinute * minuteMs,
    receivedAtMs: receivedMinute * minuteMs,
    ingestedAtMs: receivedMinute * minuteMs,
    contributions: [{ component, value, weight: 1, penalty: 0 }],
  };
}

test("a decision from a clock that is ahead counts where its event that came first by any clock does", () => {
  // Decided at position 10, ten hours ahead; the bound is five minutes after receipt.
  const events = [outcome(55, 1), outcome(115, 0.25)];
  for (const logged of [events, events.toReversed()]) {
    const totals = new RecomputedTotals(forgetful);
    totals.add(generationOf({ forgettingPosition: 10 }, logged));
    const sums = totals.arms.get(arm.variantId);
    expect(sums?.position).toBeCloseTo(1, 12);
    expect(sums).toMatchObject({ reward: 0.25, weight: 1, generations: 1 });
    totals.remove(generationOf({ forgettingPosition: 10 }, logged));
    expect(totals.arms.get(arm.variantId)).toEqual(zeroTotals);
  }
});

test("a default reward counts at the decision's own position, and an outcome after it where it may", () => {
  const totals = new RecomputedTotals(forgetful);
  totals.add(generationOf({ forgettingPosition: 3 }, [outcome(55, 0.5, "default_reward")]));
  expect(totals.arms.get(arm.variantId)).toMatchObject({ position: 3, reward: 0.5 });
});

test("without a decision an event counts at position 0; without anything learned there is no arm", () => {
  const totals = new RecomputedTotals(forgetful);
  const { decision: _, ...undecided } = generationOf({ forgettingPosition: 0 }, [outcome(1, 1)]);
  totals.add(undecided);
  totals.add({
    ...generationOf({ forgettingPosition: 5 }, [{ ...outcome(2, 1), contributions: [] }]),
    variantId: "evolution/b@1" as VariantId,
  });
  expect([...totals.arms]).toEqual([[arm.variantId, expect.objectContaining({ position: 0 })]]);
});
