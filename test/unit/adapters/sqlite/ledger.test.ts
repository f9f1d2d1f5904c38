import { expect, test } from "vitest";
import {
  applyToLedger,
  decodeLedger,
  encodeLedger,
  mergeIntoLedger,
} from "../../../../src/adapters/sqlite/ledger.ts";
import type { Contribution } from "../../../../src/domain/contribution.ts";

const value = (component: string, v: number) => ({
  ...{ component, value: v, weight: 0.5, penalty: 0 },
});
const event = (eventId: string, occurredAtMs: number, ...contributions: Contribution[]) => ({
  ...{ eventId, occurredAtMs, contributions, forgettingPosition: 0 },
});

test("an event of which one component is older and one newer counts as replaced", () => {
  const first = applyToLedger(undefined, event("a", 5, value("x", 0.2), value("y", 0.2)), 100);
  const newerX = applyToLedger(first.ledger, event("b", 9, value("x", 0.4)), 90);
  const mixed = applyToLedger(newerX.ledger, event("c", 7, value("x", 1), value("y", 1)), 100);
  expect([first.status, newerX.status, mixed.status]).toEqual(["applied", "replaced", "replaced"]);
  expect(mixed.ledger.entries.map((entry) => entry.value)).toEqual([0.4, 1]);
  expect(newerX.ledger.expiresAtSeconds).toBe(100);
});

test("a ledger of which nothing was learned yet has the position of the next event that teaches, and keeps it", () => {
  const silent = decodeLedger(encodeLedger(applyToLedger(undefined, event("a", 5), 100).ledger));
  expect(silent.position).toBeUndefined();
  const placed = { positionBefore: 4, position: 4, ledger: { position: 4 } };
  const next = applyToLedger(
    silent,
    { ...event("b", 9, value("x", 1)), forgettingPosition: 4 },
    100,
  );
  expect(next).toMatchObject(placed);
  const unmoved = applyToLedger(next.ledger, { ...event("c", 9), forgettingPosition: 1 }, 100);
  expect(unmoved).toMatchObject(placed);
});

test("a restored position wins, unless the ledger has an event of its own: then the smaller one", () => {
  const ledger = { expiresAtSeconds: 1, eventIds: ["a"], entries: [], position: 2 };
  const restored = (eventIds: string[], position: number) =>
    mergeIntoLedger(ledger, { eventIds, entries: [], position }, 1)?.position;
  expect(restored(["a"], 3)).toBe(3);
  expect(restored(["a", "b"], 3)).toBe(3);
  expect(restored(["b"], 3)).toBe(2);
  expect(restored(["b"], 1)).toBe(1);
  expect(mergeIntoLedger(ledger, { eventIds: ["a"], entries: [], position: 2 }, 1)).toBeUndefined();
});
