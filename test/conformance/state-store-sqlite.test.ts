import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteStateStore } from "../../src/adapters/sqlite/sqlite-state-store.ts";
import { silentLogger } from "../support/state-samples.ts";
import { describeStateStore } from "./state-store-conformance.ts";

describeStateStore("SqliteStateStore", async () => {
  const directory = mkdtempSync(join(tmpdir(), "banditd-sqlite-"));
  const opened: SqliteStateStore[] = [];
  let aheadMs = 0;
  const clock = {
    nowMs: () => Date.now() + aheadMs,
    monotonicMs: () => performance.now() + aheadMs,
  };
  return {
    shared: false,
    open: async () => {
      const store = await SqliteStateStore.open({ directory, clock, logger: silentLogger });
      opened.push(store);
      return store;
    },
    age: async (seconds) => {
      aheadMs += seconds * 1000;
      for (const store of opened) {
        while ((await store.sweepExpired().catch(() => 0)) > 0);
      }
    },
    silence: () => Promise.resolve(),
    dispose: async () => {
      for (const store of opened) await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
});
