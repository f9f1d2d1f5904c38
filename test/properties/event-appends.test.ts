import fc from "fast-check";
import { expect, test } from "vitest";
import { eventStreams } from "../../src/ports/event-rows.ts";
import type { OutboxBatch, OutboxEntry } from "../../src/ports/state-store.ts";
import { appendsOf as eachAppend } from "../../src/service/events/event-appends.ts";
import { forAll } from "../support/for-all.ts";

const mebibyte = 2 ** 20;
const appendsOf = (batch: OutboxBatch) => [...eachAppend(batch)];

const arbitraryEntries = fc
  .array(
    fc.record({
      stream: fc.constantFrom(...eventStreams),
      lines: fc.integer({ min: 1, max: 3 }),
      bytes: fc.oneof(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: mebibyte / 2, max: 5 * mebibyte }),
      ),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((shapes) =>
    shapes.map(
      ({ stream, lines, bytes }, at): OutboxEntry => ({
        id: String(at),
        stream,
        rows: Array.from({ length: lines }, (_, line) => `${at}.${line}:${"x".repeat(bytes)}`).join(
          "\n",
        ),
        rowCount: lines,
      }),
    ),
  );

test("the inserts of a batch hold every row once, in order within its stream, and are the same each time", () =>
  forAll([arbitraryEntries], { numRuns: 50 }, (entries) => {
    const batch = { id: "b", entries };
    const appends = appendsOf(batch);
    for (const stream of eventStreams) {
      const inserted = appends.filter((append) => append.stream === stream);
      const given = entries.filter((entry) => entry.stream === stream);
      expect(inserted.map(({ rows }) => rows).join("\n")).toBe(
        given.map(({ rows }) => rows).join("\n"),
      );
      for (const { rows, rowCount } of inserted) expect(rows.split("\n")).toHaveLength(rowCount);
    }
    expect(appendsOf(batch)).toEqual(appends);
  }));

test("no token names two different sets of rows, in one batch or in two", () =>
  forAll([arbitraryEntries], { numRuns: 50 }, (entries) => {
    const tokens = ["one", "two"].flatMap((id) =>
      appendsOf({ id, entries }).map(({ token }) => token),
    );
    expect(new Set(tokens).size).toBe(tokens.length);
    // A batch with one entry fewer, had it the same id, would be other inserts.
    const fewer = appendsOf({ id: "one", entries: entries.slice(0, -1) });
    const rowsOf = new Map(
      appendsOf({ id: "one", entries }).map((each) => [each.token, each.rows]),
    );
    for (const { token, rows } of fewer) expect(rowsOf.get(token) ?? rows).toBe(rows);
  }));
