import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockDataDirectory } from "../../../../src/adapters/system/data-directory-lock.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "banditd-lock-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe("data directory lock", () => {
  it("lets one owner in, and the next one once that one is done", () => {
    const release = lockDataDirectory(directory);
    expect(() => lockDataDirectory(directory)).toThrow(/in use by process/);
    release();
    lockDataDirectory(directory)();
  });

  it("keeps out another process while the owner lives and lets it in when the owner was killed", async () => {
    const code = `
      import { lockDataDirectory } from ${JSON.stringify(join(import.meta.dirname, "../../../../src/adapters/system/data-directory-lock.ts"))};
      lockDataDirectory(${JSON.stringify(directory)});
      console.log("locked");
      setInterval(() => undefined, 1000);
    `;
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await once(child.stdout, "data");
      expect(() => lockDataDirectory(directory)).toThrow(`in use by process ${child.pid}`);
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    lockDataDirectory(directory)();
  });

  it("takes over the lock of a process number that now belongs to somebody else", () => {
    const release = lockDataDirectory(directory);
    const path = join(directory, "banditd.lock");
    const [pid] = readFileSync(path, "utf8").trim().split(" ");
    writeFileSync(path, `${pid} another-boot/1\n`);
    lockDataDirectory(directory)();
    release();
  });
});
