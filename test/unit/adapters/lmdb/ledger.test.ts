import { expect, test } from "vitest";
import { applyToLedger, replaceInTotals } from "../../../../src/adapters/lmdb/ledger.ts";
import { zeroTotals } from "../../../../src/domain/contribution.ts";

const value = (component: string, v: number, weight = 0.5) => ({
  component,
  value: v,
  weight,
  penalty: 0,
});

test("taking the last generation out leaves exact zeros, whatever was rounded before", () => {
  const one = { reward: 0.1, weight: 0.3, generations: 1 };
  const rounded = { reward: 0.1 + 2e-17, weight: 0.300_000_000_000_000_04, generations: 1 };
  expect(replaceInTotals(rounded, one, zeroTotals)).toEqual(zeroTotals);
});

test("rounding makes no sum negative and no reward larger than its weight", () => {
  const taken = replaceInTotals(
    { reward: 0.299_999_999_999_999_9, weight: 0.3, generations: 2 },
    { reward: 0.3, weight: 0.300_000_000_000_000_04, generations: 1 },
    zeroTotals,
  );
  expect(taken).toEqual({ reward: 0, weight: 0, generations: 1 });
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
