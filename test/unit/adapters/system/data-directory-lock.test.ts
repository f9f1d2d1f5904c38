import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { beforeEach, describe, expect, it } from "vitest";
import { lockDataDirectory } from "../../../../src/adapters/system/data-directory-lock.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const module = join(import.meta.dirname, "../../../../src/adapters/system/data-directory-lock.ts");
let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});

describe("data directory lock", () => {
  it("lets one owner in, and the next one once that one is done", () => {
    const release = lockDataDirectory(directory);
    expect(() => lockDataDirectory(directory)).toThrow(/in use by process/);
    release();
    lockDataDirectory(directory)();
  });

  it("gives free only its own hold, however often it is asked", () => {
    const release = lockDataDirectory(directory);
    release();
    const releaseNext = lockDataDirectory(directory);
    release();
    expect(() => lockDataDirectory(directory)).toThrow(/in use/);
    releaseNext();
  });

  it("keeps out another process while the owner lives and lets it in when the owner was killed", async () => {
    const child = spawnOwner();
    try {
      expect(await firstLine(child)).toBe("locked");
      expect(() => lockDataDirectory(directory)).toThrow(`in use by process ${child.pid}`);
    } finally {
      await end(child);
    }
    lockDataDirectory(directory)();
  });

  it("holds where process numbers mean nothing: in another container, or after a restart", async () => {
    const child = spawnOwner();
    try {
      expect(await firstLine(child)).toBe("locked");
      writeFileSync(join(directory, "owner.pid"), "4194304 another-container\n");
      expect(() => lockDataDirectory(directory)).toThrow("process 4194304 on another-container");
      rmSync(join(directory, "owner.pid"));
      expect(() => lockDataDirectory(directory)).toThrow("in use by another process");
    } finally {
      await end(child);
    }
    writeFileSync(join(directory, "owner.pid"), `${process.pid} ${hostname()}\n`);
    lockDataDirectory(directory)();
  });

  it("lets in one of several that come at the same time, and says nothing on stderr", async () => {
    const children = Array.from({ length: 4 }, spawnOwner);
    const noise = children.map((child) => text(child.stderr));
    const lines = await Promise.all(children.map(firstLine));
    await Promise.all(children.map(end));
    expect(lines.sort()).toEqual(["locked", "refused", "refused", "refused"]);
    expect((await Promise.all(noise)).join("")).toBe("");
  });

  it("says so when the directory cannot be made", () => {
    const file = join(directory, "file");
    writeFileSync(file, "");
    expect(() => lockDataDirectory(join(file, "data"))).toThrow(
      expect.objectContaining({ reason: "DATA_DIRECTORY_NOT_WRITABLE" }),
    );
  });

  it("says so at once where the kernel refuses a directory below an existing one", () => {
    expect(() => lockDataDirectory("/proc/banditd/data")).toThrow(/cannot be made/);
  });
});

/** A process that tries to lock the directory, says how that went, and stays. */
function spawnOwner(): ChildProcessByStdio<null, Readable, Readable> {
  const code = `
    import { lockDataDirectory } from ${JSON.stringify(module)};
    try {
      lockDataDirectory(${JSON.stringify(directory)});
      console.log("locked");
    } catch {
      console.log("refused");
    }
    setInterval(() => undefined, 1000);
  `;
  return spawn(process.execPath, ["--input-type=module-typescript", "-e", code], {
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function firstLine(child: ChildProcessByStdio<null, Readable, Readable>): Promise<string> {
  const [data] = await once(child.stdout, "data");
  return String(data).trim();
}

async function end(child: ChildProcessByStdio<null, Readable, Readable>): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}
