import type { SqliteStateStore } from "../../src/adapters/sqlite/sqlite-state-store.ts";
import { openSqliteState } from "../support/state-stores.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { describeStateStore } from "./state-store-conformance.ts";

describeStateStore("SqliteStateStore", async () => {
  const directory = temporaryDirectory();
  const opened: SqliteStateStore[] = [];
  let aheadMs = 0;
  const clock = {
    nowMs: () => Date.now() + aheadMs,
    monotonicMs: () => performance.now() + aheadMs,
  };
  return {
    shared: false,
    open: async () => {
      const store = await openSqliteState(directory, { clock });
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
    },
  };
});
