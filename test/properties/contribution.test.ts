import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyToLedger, type Ledger } from "../../src/adapters/lmdb/ledger.ts";
import { type RewardTotals, replaceInTotals, zeroTotals } from "../../src/domain/contribution.ts";
import {
  type History,
  historyArbitrary,
  type Place,
  requireTotals,
  wrongRules,
} from "../conformance/contribution-model.ts";

/** The totals of an arm as its events come in one by one. */
function deliver(history: History): RewardTotals {
  const ledgers = new Map<number, Ledger>();
  let totals = zeroTotals;
  for (const delivery of history.deliveries) {
    const { ledger, before, after } = applyToLedger(ledgers.get(delivery.generation), delivery, 0);
    ledgers.set(delivery.generation, ledger);
    const { forgettingPosition: position, ...place } = history.places[delivery.generation] as Place;
    totals = replaceInTotals(totals, { before, after, position, ...place });
  }
  return totals;
}

describe("totals of events in any order, repeated, replaced, forgotten", () => {
  test("are those of a plain recomputation from the full list (I4)", () => {
    fc.assert(
      fc.property(historyArbitrary, (history) => requireTotals(deliver(history), history)),
      { numRuns: 3000 },
    );
  });

  test.each(Object.entries(wrongRules))("are told apart from those when %s", (_, wrong) => {
    const details = fc.check(
      fc.property(historyArbitrary, (history) => requireTotals(deliver(history), history, wrong)),
      { numRuns: 3000, endOnFailure: true },
    );
    expect(details.failed).toBe(true);
  });
});
