import { expect, test } from "vitest";
import {
  applyToLedger,
  decodeLedger,
  mergeIntoLedger,
} from "../../../../src/adapters/sqlite/ledger.ts";

const value = (component: string, v: number, weight = 0.5) => ({
  component,
  value: v,
  weight,
  penalty: 0,
});

test("an event of which one component is older and one newer counts as replaced", () => {
  const first = applyToLedger(
    undefined,
    {
      eventId: "a",
      occurredAtMs: 5,
      forgettingPosition: 0,
      contributions: [value("x", 0.2), value("y", 0.2)],
    },
    100,
  );
  const newerX = applyToLedger(
    first.ledger,
    { eventId: "b", occurredAtMs: 9, forgettingPosition: 0, contributions: [value("x", 0.4)] },
    90,
  );
  const mixed = applyToLedger(
    newerX.ledger,
    {
      eventId: "c",
      occurredAtMs: 7,
      forgettingPosition: 0,
      contributions: [value("x", 1), value("y", 1)],
    },
    100,
  );
  expect([first.status, newerX.status, mixed.status]).toEqual(["applied", "replaced", "replaced"]);
  expect(mixed.ledger.entries.map((entry) => entry.value)).toEqual([0.4, 1]);
  expect(newerX.ledger.expiresAtSeconds).toBe(100);
});

test("a ledger from before positions were kept has that of the next event, and keeps it", () => {
  const stored = '[100,["a"],[["x",0.5,0.5,0,5,"a"]]]';
  const event = { eventId: "b", occurredAtMs: 9, contributions: [value("x", 1)] };
  const next = applyToLedger(decodeLedger(stored), { ...event, forgettingPosition: 4 }, 100);
  expect(next).toMatchObject({ positionBefore: 4, position: 4, ledger: { position: 4 } });
  const silent = { eventId: "c", occurredAtMs: 9, contributions: [] };
  const unmoved = applyToLedger(next.ledger, { ...silent, forgettingPosition: 1 }, 100);
  expect(unmoved).toMatchObject({ positionBefore: 4, position: 4, ledger: { position: 4 } });
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
