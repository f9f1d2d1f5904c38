import type { StateStore } from "../ports/state-store.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { AllocationTable } from "./allocation-table.ts";

/**
 * Keeps the posteriors in memory equal to those in the state store, which other replicas change too:
 * every change is announced, and a full comparison at intervals repairs what an announcement missed.
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
    this.#schedule();
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
    for await (const totals of this.#options.state.listTotals()) {
      this.#options.allocations.accept(totals);
    }
  }
}
