import { createHook } from "node:async_hooks";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { SqliteFile } from "../../../../src/adapters/sqlite/sqlite-file.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

it("the first flush waits for the disk: a process that was killed may have committed what is not there yet", async () => {
  const directory = temporaryDirectory();
  const open = (name: string) =>
    SqliteFile.open({
      directory: join(directory, name),
      ...{ name: "a.sqlite", schema: "CREATE TABLE IF NOT EXISTS a (b);", logBytesMax: 2 ** 20 },
    });
  const killed = open("killed");
  killed.transaction(() => killed.prepare("INSERT INTO a VALUES (1)").run());
  cpSync(join(directory, "killed"), join(directory, "next"), { recursive: true });
  const next = open("next");
  let requests = 0;
  const hook = createHook({
    init(_id, type) {
      if (type === "FSREQCALLBACK") requests += 1;
    },
  });
  try {
    expect(next.prepare("SELECT b FROM a").get()).toEqual({ b: 1 });
    hook.enable();
    await next.flush();
    expect(requests).toBe(1);
    await next.flush();
    expect(requests).toBe(1);
  } finally {
    hook.disable();
    await Promise.all([killed.close(), next.close()]);
  }
});
