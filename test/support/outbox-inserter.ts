/**
 * Drains the outbox of a Redis into a ClickHouse up to the moment at which a batch is to be confirmed, says so,
 * and hangs there until it is killed. Arguments: Redis url, ClickHouse url with the database.
 */
import { writeSync } from "node:fs";
import { connectClickHouseEventLog } from "../../src/adapters/clickhouse/open-event-log.ts";
import { RedisStateStore } from "../../src/adapters/redis/redis-state-store.ts";
import { PrometheusTelemetry } from "../../src/adapters/system/prometheus-telemetry.ts";
import { systemEntropy } from "../../src/adapters/system/system-entropy.ts";
import { EventDrain } from "../../src/service/events/event-drain.ts";
import { eventWriterTo } from "./event-writer.ts";
import { silentLogger, systemClock } from "./state-samples.ts";

const [redisUrl = "", clickhouseUrl = ""] = process.argv.slice(2);
const state = await RedisStateStore.connect({
  url: redisUrl,
  clock: systemClock,
  consumer: "inserter",
  logger: silentLogger,
});
const { eventLog } = connectClickHouseEventLog({
  url: clickhouseUrl,
  clock: systemClock,
  logger: silentLogger,
});
const drain = new EventDrain({
  spilled: undefined,
  state: {
    readOutbox: (options) => state.readOutbox(options),
    outboxState: () => state.outboxState(),
    confirmOutbox: () => {
      writeSync(1, "inserted\n");
      return new Promise(() => setInterval(() => undefined, 1_000));
    },
  },
  writer: eventWriterTo(eventLog),
  clock: systemClock,
  entropy: systemEntropy,
  telemetry: new PrometheusTelemetry(),
  logger: silentLogger,
  intervalMs: 1_000,
  rowsMax: 10_000,
});
await drain.flush();
