import { beforeEach, expect, test } from "vitest";
import { PrometheusTelemetry } from "../../../../src/adapters/system/prometheus-telemetry.ts";
import { zeroTotals } from "../../../../src/domain/contribution.ts";
import type { ArmTotals } from "../../../../src/ports/state-store.ts";
import { AllocationTable } from "../../../../src/service/posteriors/allocation-table.ts";
import { sampleArm, systemClock } from "../../../support/state-samples.ts";

let table: AllocationTable;
/** Weights that arms have had before and after each change that was learned. */
let learned: [number, number][];

const newTable = () =>
  new AllocationTable({
    clock: systemClock,
    telemetry: new PrometheusTelemetry(),
    onLearned: (_, before, after) => learned.push([before.weight, after.weight]),
  });

beforeEach(() => {
  table = newTable();
  learned = [];
});

/** The arm as it is after so many generations. */
function armAt(version: number, reward = version / 2): ArmTotals {
  return {
    ...sampleArm,
    version,
    totals: { ...zeroTotals, reward, weight: version, generations: version },
  };
}

function generations(): number {
  return table.totals(sampleArm.agentType, sampleArm.codeType, sampleArm.variantId).generations;
}

function compareWith(listed: readonly ArmTotals[], meanwhile: readonly ArmTotals[] = []): void {
  table.beginComparison();
  for (const totals of meanwhile) table.accept(totals);
  for (const totals of listed) table.compare(totals);
  for (const _ of table.forgetUnlisted());
}

test("an older announcement is ignored, a newer one is taken", () => {
  table.accept(armAt(5));
  table.accept(armAt(4));
  expect(generations()).toBe(5);
  table.accept(armAt(6));
  expect(generations()).toBe(6);
});

test("a store that went back is followed after two comparisons, not after one", () => {
  table.accept(armAt(5));
  compareWith([armAt(2)]);
  expect(generations()).toBe(5);
  compareWith([armAt(3)]);
  expect(generations()).toBe(3);
  table.accept(armAt(4));
  expect(generations()).toBe(4);
});

test("an arm the store has lost is zero after two comparisons, and learns from the first version again", () => {
  table.accept(armAt(5));
  compareWith([]);
  expect(generations()).toBe(5);
  compareWith([]);
  expect(generations()).toBe(0);
  table.accept(armAt(1));
  expect(generations()).toBe(1);
});

test("totals of the same version that differ are those of a store that was filled anew", () => {
  table.accept(armAt(2, 0.5));
  compareWith([armAt(2, 1.5)]);
  compareWith([armAt(2, 1.5)]);
  const { agentType, codeType, variantId } = sampleArm;
  expect(table.totals(agentType, codeType, variantId).reward).toBe(1.5);
});

test("two contradictions with an agreement between them change nothing", () => {
  table.accept(armAt(5));
  compareWith([armAt(4)]);
  compareWith([armAt(5)]);
  compareWith([armAt(4)]);
  compareWith([armAt(5)]);
  compareWith([]);
  expect(generations()).toBe(5);
});

test("an arm that changes during every comparison is never set back by what was read before the change", () => {
  for (let version = 1; version <= 10; version += 1) {
    compareWith([armAt(version)], [armAt(version + 1)]);
    expect(generations()).toBe(version + 1);
  }
  for (let version = 11; version <= 20; version += 1) {
    compareWith([], [armAt(version + 1)]);
    expect(generations()).toBe(version + 1);
  }
});

test("what a snapshot knew gives way to the store at once, whatever version the store has", () => {
  table.restore(armAt(50));
  expect(generations()).toBe(50);
  compareWith([armAt(2)]);
  expect(generations()).toBe(2);
});

test("an announcement replaces what a snapshot knew, and is not taken for a change of the rewards", () => {
  table.restore(armAt(50));
  table.accept(armAt(7));
  expect(generations()).toBe(7);
  expect(learned).toEqual([]);
  table.accept(armAt(8));
  expect(learned).toEqual([[7, 8]]);
});

test("an arm that only a snapshot knew is forgotten by the first comparison that does not list it", () => {
  table.restore(armAt(50));
  compareWith([]);
  expect(generations()).toBe(0);
});

test("a snapshot does not touch what the store has said already", () => {
  table.accept(armAt(3));
  table.restore(armAt(50));
  expect(generations()).toBe(3);
});

test("what is known can be saved and restored, and every change of it is counted", () => {
  expect([...table.known()]).toEqual([]);
  table.accept(armAt(3));
  const saved = [...table.known()];
  expect(saved).toEqual([armAt(3)]);
  const changes = table.changes;
  table.accept(armAt(3));
  expect(table.changes).toBe(changes);
  table.accept(armAt(4));
  expect(table.changes).toBe(changes + 1);

  table = newTable();
  for (const arm of saved) table.restore(arm);
  expect(generations()).toBe(3);
});

test("what a rebuild puts right is taken in, and is not something that was just learned", () => {
  expect(table.isEmpty).toBe(true);
  table.accept(armAt(5));
  table.accept(armAt(7));
  expect(learned).toEqual([[5, 7]]);
  const rebuiltMs = Date.UTC(2026, 0, 1);
  table.accept({ ...armAt(9), version: rebuiltMs });
  expect(generations()).toBe(9);
  table.accept({ ...armAt(10), version: rebuiltMs + 1 });
  expect(learned).toEqual([
    [5, 7],
    [9, 10],
  ]);
  expect(table.isEmpty).toBe(false);
});
