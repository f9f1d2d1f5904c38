import { linkSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { userHashKeyOf } from "../../../../src/adapters/system/user-hash-key.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});

describe("user hash key", () => {
  it("is made once and kept, and leaves nothing else behind", () => {
    const key = userHashKeyOf(directory);
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    expect(userHashKeyOf(directory)).toBe(key);
    expect(readdirSync(directory)).toEqual(["user-hash.key"]);
  });

  it("stays the same after a crash before its draft was removed, for a process with the same id", () => {
    const key = userHashKeyOf(directory);
    const path = join(directory, "user-hash.key");
    linkSync(path, `${path}.${process.pid}`);
    expect(userHashKeyOf(directory)).toBe(key);
  });

  it("is refused when the file is empty, instead of hashing with nothing", () => {
    writeFileSync(join(directory, "user-hash.key"), "");
    expect(() => userHashKeyOf(directory)).toThrow(/holds no key/);
  });
});
