import type { AgentType } from "../../domain/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { EventLog } from "../../ports/event-log.ts";

const dayMs = 86_400_000;
/** What is due is deleted at some time within about a day. */
const deletedWithinDays = 2;

/** Whether the event log has begun to delete what it knew of an agent type. */
export class LogBeginnings {
  readonly #options: {
    readonly eventLog: EventLog;
    readonly clock: Clock;
    readonly eventRetentionDays?: number;
  };
  readonly #firstDecisionMs = new Map<AgentType, Promise<number | undefined>>();

  /** @param options.eventRetentionDays absent: nothing is ever deleted */
  constructor(options: { eventLog: EventLog; clock: Clock; eventRetentionDays?: number }) {
    this.#options = options;
  }

  /** True also when the log has nothing of it any more: then everything may have been deleted. */
  async isCut(agentType: AgentType): Promise<boolean> {
    const { eventLog, clock, eventRetentionDays } = this.#options;
    if (eventRetentionDays === undefined) return false;
    let first = this.#firstDecisionMs.get(agentType);
    if (first === undefined) {
      first = eventLog.findFirstDecisionMs(agentType);
      this.#firstDecisionMs.set(agentType, first);
    }
    const dueBeforeMs = clock.nowMs() - (eventRetentionDays - deletedWithinDays) * dayMs;
    return ((await first) ?? Number.NEGATIVE_INFINITY) < dueBeforeMs;
  }
}
