import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { userHashKeyOf } from "../../../../src/adapters/system/user-hash-key.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "banditd-key-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe("user hash key", () => {
  it("is made once and kept, and leaves nothing else behind", () => {
    const key = userHashKeyOf(directory);
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    expect(userHashKeyOf(directory)).toBe(key);
    expect(readdirSync(directory)).toEqual(["user-hash.key"]);
  });

  it("is refused when the file is empty, instead of hashing with nothing", () => {
    writeFileSync(join(directory, "user-hash.key"), "");
    expect(() => userHashKeyOf(directory)).toThrow(/holds no key/);
  });
});
