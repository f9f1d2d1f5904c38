import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { SnapshotFile } from "../../../../src/adapters/system/snapshot-file.ts";
import { systemClock } from "../../../../src/adapters/system/system-clock.ts";
import { silentLogger } from "../../../support/state-samples.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory, "things.json");
});

function file(changes: Partial<ConstructorParameters<typeof SnapshotFile>[0]> = {}): SnapshotFile {
  return new SnapshotFile({
    path,
    format: "things",
    version: 3,
    bytesMax: 1_000_000,
    clock: systemClock,
    logger: silentLogger,
    ...changes,
  });
}

/** A logger that counts what it is warned of. */
function countingLogger() {
  const warn = vi.fn();
  return { logger: { ...silentLogger, warn }, warnings: () => warn.mock.calls.length };
}

describe("a snapshot file", () => {
  it("gives back what was written last, and nothing before anything was", async () => {
    const { logger, warnings } = countingLogger();
    expect(await file({ logger }).read()).toBeUndefined();
    await file().write(["an old one"]);
    const lines = ["first", "", "ünïcode \\n 💡", "x".repeat(200_000)];
    await file().write(lines);
    const found = await file({ logger }).read();
    expect(found?.lines).toEqual(lines);
    expect(Math.abs((found?.savedAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(warnings()).toBe(0);
  });

  it("gives back no lines when none were written", async () => {
    await file().write([]);
    expect((await file().read())?.lines).toEqual([]);
  });

  it("can be read by its owner only, and leaves no other file behind", async () => {
    await file().write(["secret"]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(["things.json"]);
  });

  it("is ignored, with a line in the log, when any byte of it is another one or it is cut off anywhere", async () => {
    await file().write(["first", "second"]);
    const whole = readFileSync(path);
    const damaged = Array.from(whole, (byte, at) => {
      const copy = Buffer.from(whole);
      copy[at] = byte ^ 1;
      return copy;
    });
    const cut = Array.from(whole, (_, length) => whole.subarray(0, length));
    for (const bytes of [...damaged, ...cut]) {
      writeFileSync(path, bytes);
      const { logger, warnings } = countingLogger();
      const found = await file({ logger }).read();
      expect(found, JSON.stringify(bytes.toString())).toBeUndefined();
      expect(warnings()).toBe(1);
    }
    writeFileSync(path, whole);
    expect((await file().read())?.lines).toEqual(["first", "second"]);
  });

  it("is ignored when it is of another version or holds something else", async () => {
    await file().write(["first"]);
    const { logger, warnings } = countingLogger();
    expect(await file({ version: 4, logger }).read()).toBeUndefined();
    expect(await file({ format: "other things", logger }).read()).toBeUndefined();
    expect(warnings()).toBe(2);
  });

  it("keeps the last one when a new one is too large or cannot be written", async () => {
    await file().write(["first"]);
    const tooLarge = file({ bytesMax: 1_000 }).write(["x".repeat(1_001)]);
    await expect(tooLarge).rejects.toMatchObject({ reason: "SNAPSHOT_TOO_LARGE" });
    expect(readdirSync(directory)).toEqual(["things.json"]);
    expect((await file().read())?.lines).toEqual(["first"]);
    const nowhere = file({ path: join(directory, "missing", "things.json") });
    await expect(nowhere.write(["x"])).rejects.toMatchObject({ reason: "SNAPSHOT_NOT_WRITTEN" });
  });

  it("written by several at once is one of theirs", async () => {
    const mine = (writer: number) => Array.from({ length: 2_000 }, () => `line of ${writer}`);
    await Promise.all([1, 2, 3, 4].map((writer) => file().write(mine(writer))));
    const lines = (await file().read())?.lines ?? [];
    expect(lines).toHaveLength(2_000);
    expect(new Set(lines).size).toBe(1);
    expect(readdirSync(directory)).toEqual(["things.json"]);
  });

  it("removes what a process that has died left behind, and nothing that may be in use", async () => {
    const [old, fresh, foreign] = [
      "things.json.1-1.tmp",
      "things.json.2-1.tmp",
      "others.json.1-1.tmp",
    ];
    for (const name of [old, fresh, foreign]) writeFileSync(join(directory, name as string), "");
    const anHourAgo = Date.now() / 1000 - 3600;
    for (const name of [old, foreign])
      utimesSync(join(directory, name as string), anHourAgo, anHourAgo);
    await file().write(["first"]);
    expect(readdirSync(directory).sort()).toEqual([foreign, "things.json", fresh]);
  });

  it("lets others have their turn while it is written", async () => {
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 0);
    const lines = Array.from(
      { length: 200_000 },
      (_, at) => `{"number":${at},"text":"some words"}`,
    );
    await file({ bytesMax: 2 ** 30 }).write(lines);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(20);
  });
});
