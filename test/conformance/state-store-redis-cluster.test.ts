import { afterAll, beforeAll } from "vitest";
import { type RunningRedis, startRedis } from "../support/redis.ts";
import { redisHarness } from "./redis-harness.ts";
import { describeStateStore } from "./state-store-conformance.ts";

let server: RunningRedis;
beforeAll(async () => {
  server = await startRedis({ cluster: true });
});
afterAll(() => server.stop());

describeStateStore("RedisStateStore on a cluster of three", () => redisHarness(server));
