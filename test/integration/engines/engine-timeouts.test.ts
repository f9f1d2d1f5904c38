import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readConfig } from "../../../src/app/config.ts";
import { openEngines } from "../../../src/app/engines.ts";
import { type RunningRedis, startRedis } from "../../support/redis.ts";
import { newGenerationId, silentLogger, systemClock } from "../../support/state-samples.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

let redis: RunningRedis;
const dataDir = temporaryDirectory();

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** Reads from a Redis that is silent for longer than the shortest time a command and a connection are given. */
async function readSlowly(stateTimeoutMs: number): Promise<unknown> {
  const options = readConfig({ dataDir, redisUrl: redis.url, stateTimeoutMs }, {});
  const engines = await openEngines(options, { clock: systemClock, logger: silentLogger });
  const admin = new Redis(redis.url);
  try {
    await admin.client("PAUSE", 2_500);
    return await engines.state.findDecision(newGenerationId());
  } finally {
    admin.disconnect();
    await engines.close();
  }
}

test("a time-out of the state store that is set beyond a second is in force, and none makes a command's shorter", async () => {
  expect(await readSlowly(8_000)).toBeUndefined();
  await expect(readSlowly(100)).rejects.toMatchObject({ reason: "STATE_TIMEOUT" });
});
