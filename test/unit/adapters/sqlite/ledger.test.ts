import { expect, test } from "vitest";
import { applyToLedger } from "../../../../src/adapters/sqlite/ledger.ts";

const event = (eventId: string) => ({
  ...{ eventId, occurredAtMs: 5, forgettingPosition: 0 },
  contributions: [{ component: "x", value: 0.2, weight: 0.5, penalty: 0 }],
});

// Its statuses, values and positions are tested over any history by the conformance suite of the state store.
test("a ledger does not end sooner because of an event that is kept for a shorter time", () => {
  const { ledger } = applyToLedger(undefined, event("a"), 100);
  expect(applyToLedger(ledger, event("b"), 90).ledger.expiresAtSeconds).toBe(100);
  expect(applyToLedger(ledger, event("b"), 110).ledger.expiresAtSeconds).toBe(110);
});
