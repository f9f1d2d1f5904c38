import type { DeadLetterStore } from "../../src/ports/dead-letters.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { Telemetry } from "../../src/ports/telemetry.ts";
import { DeadLetterCount } from "../../src/service/events/dead-letter-count.ts";
import { EventWriter } from "../../src/service/events/event-writer.ts";
import { RecordDeadLetters } from "../../src/service/events/record-dead-letters.ts";
import { silentLogger, testClock } from "./clickhouse-event-samples.ts";

const silentTelemetry: Telemetry = {
  count: () => undefined,
  gauge: () => undefined,
  observeMs: () => undefined,
};

/** A writer into a log that refuses nothing, so that no dead letters are needed. */
export function eventWriterTo(eventLog: Pick<EventLog, "append">): EventWriter {
  const base = { clock: testClock, telemetry: silentTelemetry, logger: silentLogger };
  const store = {} as DeadLetterStore;
  const count = new DeadLetterCount({ ...base, store });
  const deadLetters = new RecordDeadLetters({ ...base, store, count });
  return new EventWriter({ ...base, eventLog: eventLog as EventLog, deadLetters });
}
