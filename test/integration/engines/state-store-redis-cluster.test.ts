import { afterAll, beforeAll, expect, test } from "vitest";
import { expectUnavailable } from "../../conformance/catalogue-fixture.ts";
import { eventually, until } from "../../conformance/state-store-harness.ts";
import { type RunningRedis, startRedis } from "../../support/redis.ts";
import { book, decisionInput } from "../../support/state-samples.ts";
import { openRedisState } from "../../support/state-stores.ts";

let server: RunningRedis;
beforeAll(async () => {
  // With everysec Redis may answer before it writes, while an fsync is under way: a kill would lose that.
  server = await startRedis({ cluster: true, extraArgs: ["--appendfsync", "always"] });
});
afterAll(() => server.stop());

test("one node's url is enough to find the whole cluster, and the cluster's loss is survived", async () => {
  const commandTimeoutMs = 500;
  const store = await openRedisState(server.url.split(",")[0] as string, { commandTimeoutMs });
  try {
    const versions: number[] = [];
    store.onTotalsChanged((totals) => versions.push(totals.version));
    const input = decisionInput();
    await store.recordDecision(input);
    await book(store);
    // Heard of twice: in the reply, and as a message.
    await until("own change is announced", 5_000, () => versions.length === 2);

    await server.kill("SIGKILL");
    for (let call = 0; call < 5; call += 1) {
      await expectUnavailable(store.recordDecision(decisionInput()), 5 * commandTimeoutMs);
    }

    // The driver, left to itself, reconnects its own subscriber without a pause: a whole core.
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const used = process.cpuUsage(before);
    expect((used.user + used.system) / 1e6).toBeLessThan(0.5);

    await server.restart();
    await eventually(() => store.ping(), 15_000);
    await eventually(async () => {
      expect(await store.findDecision(input.record.generationId)).toEqual(input.record);
    }, 15_000);
    await eventually(async () => {
      await book(store);
      await until(
        "changes are announced again",
        300,
        () => versions.length > 2 && versions.at(-1) === versions.at(-2),
      );
    }, 15_000);
  } finally {
    await store.close();
  }
});
