import type { DeadLetterStore } from "../../src/ports/dead-letters.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import { DeadLetterCount } from "../../src/service/events/dead-letter-count.ts";
import { EventWriter } from "../../src/service/events/event-writer.ts";
import { RecordDeadLetters } from "../../src/service/events/record-dead-letters.ts";
import { silentLogger, silentTelemetry, systemClock } from "./state-samples.ts";

/** A writer into a log that refuses nothing, so that no dead letters are needed. */
export function eventWriterTo(eventLog: Pick<EventLog, "append">): EventWriter {
  const base = { clock: systemClock, telemetry: silentTelemetry, logger: silentLogger };
  const store = {} as DeadLetterStore;
  const count = new DeadLetterCount({ ...base, store });
  const deadLetters = new RecordDeadLetters({ ...base, store, count });
  return new EventWriter({ ...base, eventLog: eventLog as EventLog, deadLetters });
}
