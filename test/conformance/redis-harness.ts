import { Cluster, Redis } from "ioredis";
import { batchesKey } from "../../src/adapters/redis/keys.ts";
import type { RedisStateStore } from "../../src/adapters/redis/redis-state-store.ts";
import type { RunningRedis } from "../support/redis.ts";
import { openRedisState } from "../support/state-stores.ts";
import type { StateStoreHarness } from "./state-store-harness.ts";

/** A state store on a running Redis, emptied first. Several harnesses on one server come one after another. */
export async function redisHarness(server: RunningRedis): Promise<StateStoreHarness> {
  const nodes = server.url.split(",").map((url) => new Redis(url));
  for (const node of nodes) await node.flushall();
  const admin =
    nodes.length > 1 ? new Cluster(server.url.split(",")) : (nodes[0] as Redis).duplicate();
  const opened: RedisStateStore[] = [];
  return {
    shared: true,
    open: async () => {
      const store = await openRedisState(server.url);
      opened.push(store);
      return store;
    },
    age: async (seconds) => {
      for (const node of nodes) await ageKeys(node, seconds);
    },
    silence: async () => {
      const batches = await admin.hgetall(batchesKey);
      for (const [id, record] of Object.entries(batches)) {
        const silent = JSON.stringify({ ...JSON.parse(record), renewedAtMs: 0 });
        await admin.hset(batchesKey, id, silent);
      }
    },
    dispose: async () => {
      for (const store of opened) await store.close();
      for (const node of nodes) node.disconnect();
      admin.disconnect();
    },
  };
}

/** Shortens the life of every key that has one, as if the time had passed. */
async function ageKeys(node: Redis, seconds: number): Promise<void> {
  for (const key of await node.keys("*")) {
    const leftMs = await node.pttl(key);
    if (leftMs >= 0) await node.pexpire(key, leftMs - seconds * 1000);
  }
}
