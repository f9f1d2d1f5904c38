import { expect, onTestFinished, test } from "vitest";
import { SqliteDiskQueue } from "../../../src/adapters/sqlite/sqlite-disk-queue.ts";
import { PrometheusTelemetry } from "../../../src/adapters/system/prometheus-telemetry.ts";
import type { EventAppend } from "../../../src/service/events/event-appends.ts";
import { SpilledEvents } from "../../../src/service/events/spilled-events.ts";
import { silentLogger, systemClock } from "../../support/state-samples.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

test("events of a record that cannot be read are written anew where they are still at hand", async () => {
  const queue = SqliteDiskQueue.open({ directory: temporaryDirectory(), bytesMax: 2 ** 20 });
  onTestFinished(() => queue.close());
  const errors: unknown[] = [];
  const spilled = new SpilledEvents({
    queue,
    clock: systemClock,
    telemetry: new PrometheusTelemetry(),
    logger: { ...silentLogger, error: (...entry) => errors.push(entry) },
  });
  const append: EventAppend = {
    stream: "outcomes",
    token: "t",
    rows: '{"comment":"mine"}',
    rowCount: 1,
    entryCount: 1,
  };
  await queue.append([{ key: append.token, text: '{"comment":"mine"' }]);
  expect(spilled.first()).toBeUndefined();
  expect(spilled.isEmpty).toBe(true);
  expect(spilled.bytes).toBeGreaterThan(0);
  expect(await spilled.add([append], 7)).toBe(true);
  expect(spilled.first()).toMatchObject({ ...append, oldestAtMs: 7 });
  expect(queue.size.records).toBe(1);
  expect(errors).toHaveLength(1);
  expect(JSON.stringify(errors)).not.toContain("mine");
});
