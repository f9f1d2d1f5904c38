import type { Clock } from "../../ports/clock.ts";
import type { DeadLetterStore } from "../../ports/dead-letters.ts";
import type { DiskQueue } from "../../ports/disk-queue.ts";
import type { Entropy } from "../../ports/entropy.ts";
import type { EventSink } from "../../ports/event-log.ts";
import type { Outbox } from "../../ports/state-store.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import { DeadLetterCount } from "./dead-letter-count.ts";
import { EventDrain } from "./event-drain.ts";
import { EventWriter } from "./event-writer.ts";
import { OutboxBound } from "./outbox-bound.ts";
import { RecordDeadLetters } from "./record-dead-letters.ts";
import { SpillOutbox } from "./spill-outbox.ts";
import { SpilledEvents } from "./spilled-events.ts";

export interface EventPathOptions {
  readonly state: Outbox;
  readonly eventLog: EventSink;
  readonly deadLetters: DeadLetterStore;
  /** For {@link OutboxLimit.whenFull} `spill`, or with something left in it from when that was so. */
  readonly spill: DiskQueue | undefined;
  readonly outbox: OutboxLimit;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly drainIntervalMs: number;
  readonly drainRowsMax: number;
}

/** How much may wait for the event log in the state store, and what happens then. */
export interface OutboxLimit {
  readonly bytesMax: number;
  readonly whenFull: "refuse" | "spill";
}

/** Everything between the outbox and the event log. */
export interface EventPath {
  readonly drain: EventDrain;
  readonly outbox: OutboxBound;
  readonly recordDeadLetters: RecordDeadLetters;
  readonly deadLetterCount: DeadLetterCount;
  /** Resolves when the state of the outbox is known, if it can be. */
  start(): Promise<void>;
  /** Events on their way stay in outbox and spill. The caller closes the stores and queues. */
  stop(): Promise<void>;
}

export function createEventPath(options: EventPathOptions): EventPath {
  const { state, eventLog, clock, entropy, telemetry, logger, spill } = options;
  const { drainIntervalMs: intervalMs, drainRowsMax: rowsMax } = options;
  const deadLetterCount = new DeadLetterCount({ store: options.deadLetters, telemetry, logger });
  const recordDeadLetters = new RecordDeadLetters({
    store: options.deadLetters,
    count: deadLetterCount,
    clock,
    telemetry,
  });
  const spilled = spill && new SpilledEvents({ queue: spill, clock, telemetry, logger });
  const drain = new EventDrain({
    ...{ state, spilled, clock, entropy, telemetry, logger, intervalMs, rowsMax },
    writer: new EventWriter({ eventLog, deadLetters: recordDeadLetters, clock, telemetry, logger }),
  });
  const outbox: OutboxBound = new OutboxBound({
    ...{ ...options.outbox, state, spilled, clock, telemetry, logger },
    onLook: () => spilling?.moveOne() ?? Promise.resolve(false),
  });
  const spilling =
    spilled &&
    new SpillOutbox({
      ...{ state, spilled, outbox, clock, logger, rowsMax },
      logInTrouble: () => drain.isInTrouble,
    });
  return {
    drain,
    outbox,
    recordDeadLetters,
    deadLetterCount,
    async start() {
      deadLetterCount.start();
      drain.start();
      await outbox.start();
    },
    async stop() {
      await deadLetterCount.stop();
      await outbox.stop();
      await drain.stop();
    },
  };
}
