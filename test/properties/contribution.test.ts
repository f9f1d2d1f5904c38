import { describe, test } from "vitest";
import { applyToLedger, type Ledger } from "../../src/adapters/sqlite/ledger.ts";
import { type RewardTotals, replaceInTotals, zeroTotals } from "../../src/domain/contribution.ts";
import {
  type History,
  historyArbitrary,
  placeOf,
  requireTotals,
  wrongRules,
} from "../conformance/contribution-model.ts";
import { expectCounterexample, forAll } from "../support/for-all.ts";

/**
 * The totals of an arm as its events come in one by one.
 * @param movesGenerations false: each event counts at its own position, which is wrong
 */
function deliver(history: History, movesGenerations = true): RewardTotals {
  const ledgers = new Map<number, Ledger>();
  let totals = zeroTotals;
  for (const delivery of history.deliveries) {
    const { forgettingPosition, ...placed } = placeOf(history.places, delivery);
    const { ledger, before, after, ...positions } = applyToLedger(
      ledgers.get(delivery.generation),
      { ...delivery, forgettingPosition },
      0,
    );
    ledgers.set(delivery.generation, ledger);
    const counted = movesGenerations ? positions : { position: forgettingPosition };
    totals = replaceInTotals(totals, { before, after, ...counted, ...placed });
  }
  return totals;
}

describe("totals of events in any order, repeated, replaced, forgotten", () => {
  test("are those of a plain recomputation from the full list (I4)", () =>
    forAll([historyArbitrary], { numRuns: 3000 }, (history) =>
      requireTotals(deliver(history), history),
    ));

  test("would not be if each event counted at its own position", () =>
    expectCounterexample([historyArbitrary], 3000, (history) =>
      requireTotals(deliver(history, false), history),
    ));

  test.each(Object.entries(wrongRules))("are told apart from those when %s", (_, wrong) =>
    expectCounterexample([historyArbitrary], 3000, (history) =>
      requireTotals(deliver(history), history, wrong),
    ),
  );
});
