import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { luaSource } from "../../../src/adapters/redis/lua-source.ts";
import { scriptNames } from "../../../src/adapters/redis/scripts.ts";

const directory = join(import.meta.dirname, "../../../src/adapters/redis/lua");
const filesIn = (path: string) =>
  readdirSync(join(directory, path)).filter((name) => name.endsWith(".lua"));

describe("a Lua step", () => {
  let redis: Redis;

  beforeAll(() => {
    redis = new Redis(inject("redisUrl"));
  });
  afterAll(() => redis.disconnect());

  it("is every file in lua, and no other", () => {
    expect(filesIn("").toSorted()).toEqual(scriptNames.map((name) => `${name}.lua`).toSorted());
  });

  it.each(scriptNames)("%s is compiled by Redis", async (name) => {
    expect(await redis.script("LOAD", luaSource(name))).toMatch(/^[0-9a-f]{40}$/);
  });

  it("with a mistake is refused by Redis", async () => {
    await expect(redis.script("LOAD", `${luaSource("find-decisions")}\nend`)).rejects.toThrow(
      "Error compiling script",
    );
  });

  it.each(scriptNames)("%s says what KEYS, ARGV and reply are, and how many keys", (name) => {
    const header = readFileSync(join(directory, `${name}.lua`), "utf8").split("\n\n")[0] ?? "";
    expect(header).toMatch(/^(#!lua flags=allow-oom\n)?-- [A-Z]/);
    expect(header).toMatch(/KEYS/);
    expect(header).toMatch(/ARGV|KEYS\[1\] outbox/);
    expect(header).toMatch(/Returns/);
    const keys = [...header.matchAll(/KEYS\[(\d+)(…?)\]/g)];
    const isFixed = keys.length > 0 && keys.every(([, , more]) => more === "");
    const suffix = isFixed ? `-${Math.max(...keys.map(([, number]) => Number(number)))}` : "";
    expect(name).toMatch(new RegExp(`[a-z]${suffix}$`));
  });

  it("uses every include", () => {
    const all = [
      ...scriptNames.map((name) => `${name}.lua`),
      ...filesIn("includes").map((name) => `includes/${name}`),
    ];
    const used = all.flatMap((path) =>
      [...readFileSync(join(directory, path), "utf8").matchAll(/^--- @include "(.*)"$/gm)].map(
        ([, name]) => `${name}.lua`,
      ),
    );
    expect([...new Set(used)].toSorted()).toEqual(filesIn("includes").toSorted());
  });
});
