import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Placement } from "../../src/adapters/state/placement-codec.ts";
import { contextLengthMax } from "../../src/domain/contribution.ts";
import { type DecisionRecord, decisionSources } from "../../src/domain/decision.ts";
import type { CodeType, GenerationId, VariantId } from "../../src/domain/ids.ts";
import type { RecordDecisionInput, StateStore } from "../../src/ports/state-store.ts";
import { decisionInput, newGenerationId } from "../support/state-samples.ts";
import {
  drain,
  type MakeStateStore,
  rowsOf,
  type StateStoreHarness,
} from "./state-store-harness.ts";

/** In forgetting and among the features; of the other decisions nothing special. */
const places: readonly Placement[] = [
  { forgettingPosition: 1 / 3 },
  { forgettingPosition: 0, context: { epoch: 0, values: [1] } },
  {
    forgettingPosition: 1e9,
    context: {
      epoch: 1_700_000_000_000,
      values: Array.from({ length: contextLengthMax }, (_, index) => -1 / (1 + index)),
    },
  },
];

/** Some have none. */
const experiments: readonly Pick<DecisionRecord, "experiment">[] = [
  {},
  { experiment: { id: "e", arm: "a" } },
  { experiment: { id: "x".repeat(64), arm: "~".repeat(64) } },
  { experiment: { id: "exp-1", arm: "treatment" } },
];

export function describeDecisions(makeStore: MakeStateStore): void {
  describe("decisions", () => {
    let harness: StateStoreHarness;
    let store: StateStore;
    beforeEach(async () => {
      harness = await makeStore();
      store = await harness.open();
    });
    afterEach(() => harness.dispose());

    test("a recorded decision is found, field by field, and an unknown one is not", async () => {
      const inputs = decisionSources.map((source, index): RecordDecisionInput => {
        const input = decisionInput();
        const propensity = [1, 5e-324, 0.1, 1 / 3, 0.999_999_999_999_999_9, 1e-6][index] as number;
        return {
          ...input,
          record: { ...input.record, source, propensity, ...places[index], ...experiments[index] },
        };
      });
      const results = await Promise.all(inputs.map((input) => store.recordDecision(input)));
      expect(results).toEqual(inputs.map(() => undefined));
      const found = await Promise.all(
        inputs.map((input) => store.findDecision(input.record.generationId)),
      );
      expect(found).toEqual(inputs.map((input) => input.record));
      expect(await store.findDecision(newGenerationId())).toBeUndefined();
    });

    test("ids a client made, the longest labels and old or future times work like any other", async () => {
      const sample = decisionInput().record;
      const ids = [
        ...Array.from({ length: 50 }, () => randomUUID() as string),
        "00000000-0000-1000-8000-000000000000",
        "ffffffff-ffff-8fff-bfff-ffffffffffff",
        // These four differ in version or variant only, or in one bit of the time.
        "019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b",
        "019a1b2c-3d4e-4f50-8a6b-7c8d9e0f1a2b",
        "019a1b2c-3d4e-7f50-9a6b-7c8d9e0f1a2b",
        "019a1b2c-3d4f-7f50-8a6b-7c8d9e0f1a2b",
      ] as GenerationId[];
      const records = ids.map((generationId, index) => ({
        ...sample,
        generationId,
        variantId: `evolution/${"v".repeat(1 + (index % 64))}@${1 + index * 9999}` as VariantId,
        codeType: `c${"x".repeat(index % 64)}` as CodeType,
        decidedAtMs: [0, 1, 2 ** 48 - 1, Date.now()][index % 4] as number,
      }));
      await Promise.all(
        records.map((record) => store.recordDecision({ ...decisionInput(), record })),
      );
      const found = await Promise.all(ids.map((id) => store.findDecision(id)));
      expect(found).toEqual(records);
    });

    test("of many decisions for one generation exactly one is stored and all callers learn which", async () => {
      const generationId = newGenerationId();
      const attempt = (index: number): Promise<unknown> => {
        const input = decisionInput(generationId);
        return store.recordDecision({
          ...input,
          record: { ...input.record, propensity: 1 / (index + 2) },
          event: { stream: "decisions", row: JSON.stringify({ attempt: index }) },
        });
      };
      const sameTurn = Array.from({ length: 20 }, (_, index) => attempt(index));
      await new Promise((resolve) => setImmediate(resolve));
      const nextTurn = Array.from({ length: 20 }, (_, index) => attempt(20 + index));
      const results = await Promise.all([...sameTurn, ...nextTurn, attempt(40)]);
      const stored = await store.findDecision(generationId);
      expect(results.filter((result) => result === undefined)).toHaveLength(1);
      expect(results.filter((result) => result !== undefined)).toEqual(Array(40).fill(stored));
      expect(stored?.propensity).toBe(1 / (results.indexOf(undefined) + 2));
      expect(rowsOf(await drain(store))).toEqual([
        JSON.stringify({ attempt: results.indexOf(undefined) }),
      ]);
    });

    test("a decision is kept as long as asked and can be made anew after its lifetime", async () => {
      const short = decisionInput(newGenerationId(), 3600);
      const long = decisionInput(newGenerationId(), 7200);
      await Promise.all([store.recordDecision(short), store.recordDecision(long)]);
      await harness.age(3500);
      expect(await store.findDecision(short.record.generationId)).toEqual(short.record);
      await harness.age(3500);
      expect(await store.findDecision(long.record.generationId)).toEqual(long.record);
      await harness.age(3500);
      expect(await store.findDecision(short.record.generationId)).toBeUndefined();
      expect(await store.findDecision(long.record.generationId)).toBeUndefined();
      expect(await store.recordDecision(short)).toBeUndefined();
      expect(await store.findDecision(short.record.generationId)).toEqual(short.record);
    });

    test("decisions survive closing and opening again", async () => {
      const inputs = Array.from({ length: 300 }, () => decisionInput());
      const writes = inputs.map((input) => store.recordDecision(input));
      const closed = store.close();
      await Promise.all(writes);
      await closed;
      store = await harness.open();
      for (const { record } of inputs) {
        expect(await store.findDecision(record.generationId)).toEqual(record);
      }
      const again = await Promise.all(inputs.map((input) => store.recordDecision(input)));
      expect(again).toEqual(inputs.map((input) => input.record));
      const drained = rowsOf(await drain(store));
      expect(drained.sort()).toEqual(inputs.map((input) => input.event.row).sort());
    });

    test("a closed store refuses every call with unavailable, and closing twice is fine", async () => {
      await store.close();
      await store.close();
      const calls = [
        () => store.recordDecision(decisionInput()),
        () => store.findDecision(newGenerationId()),
        () => store.readOutbox({ rowsMax: 1 }),
        () => store.outboxState(),
        () => store.ping(),
      ];
      for (const call of calls) await expect(call()).rejects.toMatchObject({ code: "unavailable" });
    });
  });
}
