import type { Outbox } from "../../ports/state-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { appendsOf } from "./event-appends.ts";
import type { OutboxBound } from "./outbox-bound.ts";
import type { SpilledEvents } from "./spilled-events.ts";

export interface SpillOutboxOptions {
  readonly state: Pick<Outbox, "readOutbox" | "confirmOutbox">;
  readonly spilled: SpilledEvents;
  readonly outbox: OutboxBound;
  /** Whether the event log has not taken anything for a while. */
  readonly logInTrouble: () => boolean;
  readonly clock: { nowMs(): number };
  readonly logger: Logger;
  readonly rowsMax: number;
}

/**
 * Moves the oldest batches from the outbox to this machine's disk for as long as that is due. A batch is confirmed
 * once all of it is on disk, so there is no moment at which it is nowhere. It may be in both, after
 * a crash in between, or because the drain was just inserting it: tokens make one of it.
 */
export class SpillOutbox {
  readonly #options: SpillOutboxOptions;
  #isSpilling = false;

  constructor(options: SpillOutboxOptions) {
    this.#options = options;
  }

  /**
   * Moves one batch, if that is due. @returns whether the next one is
   * @throws BanditError when the state store or the disk fails; the next call goes on from there
   */
  async moveOne(): Promise<boolean> {
    const { state, spilled, outbox, logInTrouble, clock, logger, rowsMax } = this.#options;
    const batch = outbox.isSpillDue(logInTrouble())
      ? await state.readOutbox({ rowsMax })
      : undefined;
    if (batch === undefined) {
      if (this.#isSpilling && spilled.isEmpty) {
        this.#isSpilling = false;
        logger.info("all spilled events are in the event log");
      }
      return false;
    }
    if (!this.#isSpilling) {
      this.#isSpilling = true;
      logger.warn("the outbox is nearly full; its oldest events are moved to this machine's disk", {
        bytes: outbox.state.bytes,
      });
    }
    const isOnDisk = await spilled.add(appendsOf(batch), outbox.state.oldestAtMs ?? clock.nowMs());
    if (!isOnDisk) {
      logger.error("the disk for spilled events is full; reports will be refused", {
        bytes: spilled.bytes,
      });
      return false;
    }
    await state.confirmOutbox(batch);
    return true;
  }
}
