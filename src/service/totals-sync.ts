import { setImmediate as nextTurn } from "node:timers/promises";
import type { StateStore } from "../ports/state-store.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { AllocationTable } from "./allocation-table.ts";

/** Arms compared before others get their turn: about 1 ms, for which decisions wait. */
const armsPerTurn = 200;

/**
 * Keeps the posteriors in memory equal to those in the state store: every change is announced. Where
 * other replicas change the store too, a full comparison at intervals repairs what announcements missed.
 */
export class TotalsSync {
  readonly #options: {
    readonly state: StateStore;
    readonly allocations: AllocationTable;
    readonly logger: Logger;
    readonly intervalMs: number;
  };
  #stopListening: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: {
    state: StateStore;
    allocations: AllocationTable;
    logger: Logger;
    intervalMs: number;
  }) {
    this.#options = options;
  }

  /** Resolves when every posterior has been read. @throws BanditError unavailable. */
  async start(): Promise<void> {
    const { state, allocations } = this.#options;
    // Listening first: a change between the listing and the listening would be missed.
    this.#stopListening = state.onTotalsChanged((totals) => {
      allocations.accept(totals);
    });
    await this.#compare();
    if (state.shared) this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#stopListening?.();
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#compare()
        .catch((error: unknown) => {
          this.#options.logger.warn("posteriors could not be compared with the state store", {
            error,
          });
        })
        .finally(() => {
          this.#schedule();
        });
    }, this.#options.intervalMs);
    this.#timer.unref();
  }

  async #compare(): Promise<void> {
    const { state, allocations } = this.#options;
    allocations.beginComparison();
    let arms = 0;
    for await (const totals of state.listTotals()) {
      allocations.compare(totals);
      arms += 1;
      if (arms % armsPerTurn === 0) await nextTurn();
    }
    for (const _ of allocations.forgetUnlisted()) {
      arms += 1;
      if (arms % armsPerTurn === 0) await nextTurn();
    }
  }
}
