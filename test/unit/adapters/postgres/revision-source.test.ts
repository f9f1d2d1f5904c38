import { expect, test, vi } from "vitest";
import { RevisionSource } from "../../../../src/adapters/postgres/revision-source.ts";
import { silentLogger } from "../../../support/state-samples.ts";

function makeSource() {
  const error = vi.fn();
  return { source: new RevisionSource({ ...silentLogger, error }), error };
}

test("a write is told to every listener once, and an older one never", () => {
  const { source } = makeSource();
  const [a, b] = [vi.fn(), vi.fn()];
  source.subscribe(a);
  source.subscribe(b);
  source.wrote(5);
  source.wrote(4); // commits are ordered by revision, their answers need not be
  expect([a.mock.calls.length, b.mock.calls.length]).toEqual([1, 1]);
});

test("the same function subscribed twice is called twice, until each subscription has ended", () => {
  const { source } = makeSource();
  const listener = vi.fn();
  const end = source.subscribe(listener);
  source.subscribe(listener);
  source.wrote(1);
  end();
  end();
  source.wrote(2);
  expect(listener).toHaveBeenCalledTimes(3);
});

test("a listener that throws keeps the news from nobody and is logged", () => {
  const { source, error } = makeSource();
  const after = vi.fn();
  source.subscribe(() => {
    throw new Error("broken");
  });
  source.subscribe(after);
  source.wrote(1);
  expect(after).toHaveBeenCalledTimes(1);
  expect(error).toHaveBeenCalledTimes(1);
});
