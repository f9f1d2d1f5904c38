import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defaultRewardComponent, generationTotals } from "../../src/domain/contribution.ts";
import type { GenerationId } from "../../src/domain/ids.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { DecisionRow, EventStream, OutcomeRow } from "../../src/ports/event-rows.ts";
import {
  asLines,
  sampleDecision,
  sampleGeneration,
  sampleGenerationId,
  sampleOutcome,
} from "../support/clickhouse-event-samples.ts";
import { describeGenerations } from "./event-log-generations.ts";
import { describeReadOnlyQueries } from "./event-log-read-only.ts";
import { describeUnanswered } from "./event-log-unanswered.ts";

export interface EventLogUnderTest {
  /** Migrated and empty. */
  readonly eventLog: EventLog;
  close(): Promise<void>;
}

/** What every {@link EventLog} promises. Each test uses generations of its own. */
export function describeEventLog(name: string, make: () => Promise<EventLogUnderTest>): void {
  describe(`EventLog on ${name}`, () => {
    let under: EventLogUnderTest;
    let tokens = 0;
    beforeAll(async () => {
      under = await make();
    });
    afterAll(() => under.close());

    const append = (stream: EventStream, rows: readonly object[], deduplicationToken?: string) => {
      tokens += 1;
      return under.eventLog.append({
        stream,
        rows: asLines(rows),
        deduplicationToken: deduplicationToken ?? `token-${tokens}`,
      });
    };
    const decide = (generation_id: GenerationId, change: Partial<DecisionRow> = {}) =>
      append("decisions", [sampleDecision({ generation_id, ...change })]);
    const rowsOf = async (sql: string) =>
      (await under.eventLog.query({ sql, rowsMax: 10, timeoutMs: 10_000 })).rows;
    /** The columns of the view's row of a generation. */
    const viewed = (generationId: string, columns: string) =>
      rowsOf(`SELECT ${columns} FROM generation_full WHERE generation_id = '${generationId}'`);
    const scalar = async (sql: string) => (await rowsOf(sql))[0]?.[0];
    const countOf = (space: number, table = "decisions") =>
      scalar(
        `SELECT count() FROM ${table} WHERE substring(toString(generation_id), 10, 4) = '${space.toString(16).padStart(4, "0")}'`,
      );

    test("answers a ping", async () => {
      await under.eventLog.ping();
    });

    test("gives back every field of every row as it was written", async () => {
      const generation_id = sampleGenerationId(1);
      const text = "quote ' double \" back \\ tab \t line \n null \0 ünï © 😀";
      const decision = sampleDecision({
        generation_id,
        conversation_id: text,
        forgetting_position: 1 / 3,
        context_epoch: 1_700_000_000_123,
        context: [1, -1e-7, 0.1 + 0.2],
      });
      const generation = sampleGeneration({ generation_id, content: text });
      const first = sampleOutcome({ generation_id, outcome_id: "o-1", comment: text });
      const second = sampleOutcome({
        generation_id,
        outcome_id: "a-2",
        occurred_at: "2026-11-20 10:06:00.000",
      });
      const tie = { ...second, outcome_id: "b-3", metrics: {}, reward_components: [] };
      await append("decisions", [decision]);
      await append("generations", [generation]);
      await append("outcomes", [tie, second, first]);
      expect(await under.eventLog.findGeneration(generation_id)).toEqual({
        decision,
        generation,
        outcomes: [first, second, tie],
      });
    });

    test("keeps doubles exactly, down to the last bit", async () => {
      const generation_id = sampleGenerationId(2);
      const numbers = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, 1 / 3, 1e-7, 123456789.12345679];
      const decision = sampleDecision({
        generation_id,
        propensity: 1 - 2 ** -53,
        arm_probabilities: numbers,
      });
      await append("decisions", [decision]);
      expect((await under.eventLog.findGeneration(generation_id))?.decision).toEqual(decision);
    });

    test("finds nothing for a generation whose decision is not there, outcomes or not", async () => {
      const generation_id = sampleGenerationId(3);
      await append("outcomes", [sampleOutcome({ generation_id })]);
      expect(await under.eventLog.findGeneration(generation_id)).toBeUndefined();
    });

    test("leaves the run out until it is reported", async () => {
      const generation_id = sampleGenerationId(4);
      await decide(generation_id);
      const found = await under.eventLog.findGeneration(generation_id);
      expect(found?.outcomes).toEqual([]);
      expect(found !== undefined && "generation" in found).toBe(false);
    });

    test("inserts nothing twice for one token, in several months at once too", async () => {
      const rows = [
        "2026-09-30 23:59:59.999",
        "2026-10-01 00:00:00.000",
        "2026-11-02 00:00:00.000",
      ].map((decided_at, index) =>
        sampleDecision({ generation_id: sampleGenerationId(index, 0x10), decided_at }),
      );
      await append("decisions", rows, "again");
      await append("decisions", rows, "again");
      expect(await countOf(0x10)).toBe("3");
    });

    test("counts the same rows once in the views when they come with another token", async () => {
      const generation_id = sampleGenerationId(5, 0x11);
      for (const token of ["first-token", "second-token"]) {
        await append("decisions", [sampleDecision({ generation_id })], `${token}-d`);
        await append("generations", [sampleGeneration({ generation_id })], `${token}-g`);
        await append("outcomes", [sampleOutcome({ generation_id })], `${token}-o`);
      }
      expect(await countOf(0x11, "generation_full")).toBe("1");
      expect(await viewed(generation_id, "outcomes, reward, reward_weight, cost_usd")).toEqual([
        ["1", 0.9 * 0.5 + 0.8 * 0.25 - 0.0125, 0.75, 0.0125],
      ]);
      expect((await under.eventLog.findGeneration(generation_id))?.outcomes).toHaveLength(1);
    });

    test.each([
      { first: 1, second: 0, space: 0x16, kept: "first" },
      { first: 0, second: 1, space: 0x17, kept: "second" },
      { first: 0, second: 0, space: 0x18, kept: "first" },
      { first: 1, second: 1, space: 0x19, kept: "first" },
    ] as const)(
      "of two copies, learned $first and later $second, $kept counts, in look-ups and in the views",
      async ({ first, second, space, kept }) => {
        const generation_id = sampleGenerationId(8, space);
        await decide(generation_id);
        const copies = [first, second].map((learned, index) => ({
          generation: sampleGeneration({ generation_id, learned, code_hash: `copy ${index}` }),
          outcome: sampleOutcome({ generation_id, learned, comment: `copy ${index}` }),
        }));
        for (const { generation, outcome } of copies) {
          await append("generations", [generation]);
          await append("outcomes", [outcome]);
          await new Promise((resolve) => setTimeout(resolve, 5)); // ingested in another millisecond
        }
        const expected = copies[kept === "first" ? 0 : 1];
        const found = await under.eventLog.findGeneration(generation_id);
        expect(found?.generation).toEqual(expected?.generation);
        expect(found?.outcomes).toEqual([expected?.outcome]);
        const where = `WHERE generation_id = '${generation_id}'`;
        expect(await scalar(`SELECT comment FROM outcomes FINAL ${where}`)).toBe(
          expected?.outcome.comment,
        );
        expect(await viewed(generation_id, "code_hash, reward_weight")).toEqual([
          [expected?.generation.code_hash, first + second > 0 ? 0.75 : 0],
        ]);
      },
    );

    test("the view's reward is that of the newest learned value of each component, clamped", async () => {
      const generation_id = sampleGenerationId(7, 0x15);
      const learned = (change: Partial<OutcomeRow>, component: string, value: number) =>
        sampleOutcome({
          generation_id,
          reward_components: [component],
          reward_values: [value],
          reward_weights: [0.5],
          reward_penalties: [0],
          ...change,
        });
      const at = (second: number) => `2026-11-20 10:05:0${second}.000`;
      await decide(generation_id);
      await append("outcomes", [
        learned({ outcome_id: "z", occurred_at: at(1), metrics: { a: 1 } }, "a", 1),
        learned({ outcome_id: "k", occurred_at: at(2), metrics: { a: 0.25 } }, "a", 0.25),
        learned({ outcome_id: "l", occurred_at: at(2), metrics: { a: 0.5 } }, "a", 0.5),
        learned({ outcome_id: "m", occurred_at: at(3), learned: 0, metrics: {} }, "a", 0),
        learned({ outcome_id: "n", occurred_at: at(1), metrics: { b: 1 } }, "b", 1),
      ]);
      const row = () => viewed(generation_id, "reward, reward_weight, metrics");
      expect(await row()).toEqual([[0.75, 1, { a: 0.5, b: 1 }]]);
      await append("generations", [sampleGeneration({ generation_id, reward_penalties: [7] })]);
      expect(await row()).toEqual([[0, 1, { a: 0.5, b: 1 }]]);
    });

    test("ten appends with one token at the same time insert once", async () => {
      const rows = [sampleDecision({ generation_id: sampleGenerationId(0, 0x12) })];
      await Promise.all(Array.from({ length: 10 }, () => append("decisions", rows, "race")));
      expect(await countOf(0x12)).toBe("1");
    });

    test("inserts none of the rows when one of them is refused, and says it is the row", async () => {
      const good = sampleDecision({ generation_id: sampleGenerationId(0, 0x13) });
      const bad = { ...good, generation_id: "not a uuid" };
      const rows = [...Array.from({ length: 2_000 }, () => good), bad, good];
      await expect(append("decisions", rows)).rejects.toMatchObject({
        code: "invalid_argument",
        reason: "EVENT_REFUSED",
        retryable: false,
      });
      expect(await countOf(0x13)).toBe("0");
    });

    test.each([
      "garbage",
      '{"generation_id":',
      '{"decided_at":1763.5}',
      '{"features":[1]}',
      '{"propensity":"x"}',
    ])("refuses the row %s", async (rows) => {
      await expect(
        under.eventLog.append({ stream: "decisions", rows, deduplicationToken: rows }),
      ).rejects.toMatchObject({ code: "invalid_argument", reason: "EVENT_REFUSED" });
    });

    test("skips a field it does not know yet and keeps the rest of the row", async () => {
      const decision = sampleDecision({ generation_id: sampleGenerationId(6) });
      await append("decisions", [{ ...decision, field_of_the_future: [1, { a: "b" }] }]);
      expect((await under.eventLog.findGeneration(sampleGenerationId(6)))?.decision).toEqual(
        decision,
      );
    });

    test("an append of nothing is nothing", async () => {
      await under.eventLog.append({ stream: "decisions", rows: "\n", deduplicationToken: "none" });
    });

    test("takes 5,000 rows in one append", async () => {
      const rows = Array.from({ length: 5_000 }, (_, index) =>
        sampleDecision({ generation_id: sampleGenerationId(index, 0x14) }),
      );
      await append("decisions", rows);
      expect(await countOf(0x14)).toBe("5000");
    });

    test("counts a default reward as a reward and not as an outcome, until there is one", async () => {
      const generation_id = sampleGenerationId(9, 0x1a);
      await decide(generation_id);
      await append("generations", [sampleGeneration({ generation_id, reward_penalties: [0.125] })]);
      const byDefault = sampleOutcome({
        generation_id,
        outcome_id: "default",
        source: "default",
        metrics: {},
        reward_components: [defaultRewardComponent],
        reward_values: [0.5],
        reward_weights: [1],
        reward_penalties: [0],
      });
      await append("outcomes", [byDefault]);
      expect((await under.eventLog.findGeneration(generation_id))?.outcomes).toEqual([byDefault]);
      const columns = "reward, reward_weight, reward_by_default, outcomes, outcome_sources";
      const row = () => viewed(generation_id, columns);
      expect(await row()).toEqual([[0.375, 1, 1, "0", []]]);
      await append("outcomes", [
        sampleOutcome({ generation_id, reward_values: [1, 0.5], reward_weights: [0.5, 0.25] }),
      ]);
      expect(await row()).toEqual([[0.5, 0.75, 0, "1", ["test_run"]]]);
    });

    test.each([0, 0.25, 9])(
      "the view's reward of unbounded values less a penalty of %d is the posterior's",
      async (penalty) => {
        const generation_id = sampleGenerationId(100 * penalty, 0x1b);
        await decide(generation_id);
        await append("generations", [
          sampleGeneration({ generation_id, reward_penalties: [penalty] }),
        ]);
        await append("outcomes", [
          sampleOutcome({ generation_id, reward_values: [-4, 3], reward_weights: [0.5, 0.25] }),
        ]);
        const { reward } = generationTotals([
          { component: "a", value: -4, weight: 0.5, penalty: 0 },
          { component: "b", value: 3, weight: 0.25, penalty: 0 },
          { component: "cost", value: 0, weight: 0, penalty },
        ]);
        expect(await viewed(generation_id, "reward")).toEqual([[reward]]);
      },
    );

    describeUnanswered(() => under.eventLog, append);
    describeGenerations(() => under.eventLog, append);
    describeReadOnlyQueries(() => under.eventLog);

    test("close is idempotent, and every call after it is unavailable", async () => {
      const other = await make();
      await other.eventLog.close();
      await other.eventLog.close();
      await expect(other.eventLog.ping()).rejects.toMatchObject({ code: "unavailable" });
      await other.close();
    });
  });
}
