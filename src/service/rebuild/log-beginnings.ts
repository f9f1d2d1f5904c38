import type { AgentType } from "../../domain/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { EventLog } from "../../ports/event-log.ts";

const dayMs = 86_400_000;
/** ClickHouse deletes expired rows at some time within about a day. */
const deletedWithinDays = 2;

/**
 * What the event log still has of an agent type. `whole`: everything there ever was. `cut`: it has begun to
 * delete. `empty`: not a single decision; whether for being old, or because the log was emptied, cannot be told.
 */
export type LogBeginning = "whole" | "cut" | "empty";

interface LogBeginningsOptions {
  readonly eventLog: EventLog;
  readonly clock: Clock;
  readonly eventRetentionDays: number | undefined;
}

/** Tells how far back the event log goes. */
export class LogBeginnings {
  readonly #options: LogBeginningsOptions;
  readonly #firstDecisionMs = new Map<AgentType, Promise<number | undefined>>();

  /** @param options.eventRetentionDays undefined: nothing is ever deleted */
  constructor(options: LogBeginningsOptions) {
    this.#options = options;
  }

  async of(agentType: AgentType): Promise<LogBeginning> {
    const { eventLog, clock, eventRetentionDays } = this.#options;
    let first = this.#firstDecisionMs.get(agentType);
    if (first === undefined) {
      first = eventLog.findFirstDecisionMs(agentType);
      this.#firstDecisionMs.set(agentType, first);
    }
    const firstMs = await first;
    if (firstMs === undefined) return "empty";
    if (eventRetentionDays === undefined) return "whole";
    const dueBeforeMs = clock.nowMs() - (eventRetentionDays - deletedWithinDays) * dayMs;
    return firstMs < dueBeforeMs ? "cut" : "whole";
  }
}
