import { expect, test } from "vitest";
import { applyToLedger } from "../../../../src/adapters/lmdb/ledger.ts";

const value = (component: string, v: number, weight = 0.5) => ({
  component,
  value: v,
  weight,
  penalty: 0,
});

test("an event of which one component is older and one newer counts as replaced", () => {
  const first = applyToLedger(
    undefined,
    { eventId: "a", occurredAtMs: 5, contributions: [value("x", 0.2), value("y", 0.2)] },
    100,
  );
  const newerX = applyToLedger(
    first.ledger,
    { eventId: "b", occurredAtMs: 9, contributions: [value("x", 0.4)] },
    90,
  );
  const mixed = applyToLedger(
    newerX.ledger,
    { eventId: "c", occurredAtMs: 7, contributions: [value("x", 1), value("y", 1)] },
    100,
  );
  expect([first.status, newerX.status, mixed.status]).toEqual(["applied", "replaced", "replaced"]);
  expect(mixed.ledger.entries.map((entry) => entry.value)).toEqual([0.4, 1]);
  expect(newerX.ledger.expiresAtSeconds).toBe(100);
});
