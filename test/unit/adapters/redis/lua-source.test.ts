import { expect, it } from "vitest";
import { luaSource } from "../../../../src/adapters/redis/lua-source.ts";
import { outboxEntryBytesMax } from "../../../../src/ports/outbox-bounds.ts";

function source(files: Record<string, string>): string {
  return luaSource("main", (path) => {
    const text = files[path];
    if (text === undefined) throw new Error(`no file ${path}`);
    return text;
  });
}

it("includes a file once, also one that an include needs, and leaves the flags first", () => {
  const text = source({
    "main.lua":
      '#!lua flags=allow-oom\n-- Purpose.\n\n--- @include "a"\n--- @include "b"\nreturn a + b\n',
    "includes/a.lua": '--- @include "b"\nlocal a = b\n',
    "includes/b.lua": "local b = 1\n",
  });
  expect(text).toMatch(/^#!lua flags=allow-oom\n/);
  expect(text.match(/local b = 1/g)).toHaveLength(1);
  expect(text.indexOf("local b = 1")).toBeLessThan(text.indexOf("local a = b"));
});

it("gives a constant its value, once", () => {
  const asked = "--- @constant outboxEntryBytesMax\n";
  const text = source({
    "main.lua": `--- @include "a"\n${asked}--- @constant defaultRewardComponent\nreturn 1`,
    "includes/a.lua": asked,
  });
  expect(text.match(/local outboxEntryBytesMax = (\d+)/g)).toEqual([
    `local outboxEntryBytesMax = ${outboxEntryBytesMax}`,
  ]);
  expect(text).toMatch(/^local defaultRewardComponent = '\S+'$/m);
});

it.each(["--- @constant nothingMax", '--- @inclode "a"', '--- @include "gone"'])(
  "refuses %s",
  (line) => {
    expect(() => source({ "main.lua": line })).toThrow();
  },
);
