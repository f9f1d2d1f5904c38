import { setImmediate as nextTurn } from "node:timers/promises";
import type { StateStore } from "../ports/state-store.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { AllocationTable } from "./allocation-table.ts";
import { RepeatedWork } from "./repeated-work.ts";

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
  readonly #comparisons: RepeatedWork;
  #stopListening: (() => void) | undefined;

  constructor(options: {
    state: StateStore;
    allocations: AllocationTable;
    logger: Logger;
    intervalMs: number;
  }) {
    this.#options = options;
    this.#comparisons = new RepeatedWork({
      intervalMs: options.intervalMs,
      work: () => this.#compare(),
      onFailure(error) {
        options.logger.warn("posteriors could not be compared with the state store", { error });
      },
    });
  }

  /** Resolves when every posterior has been read. @throws BanditError unavailable. */
  async start(): Promise<void> {
    const { state, allocations } = this.#options;
    // Listening first: a change between the listing and the listening would be missed.
    this.#stopListening = state.onTotalsChanged((totals) => {
      allocations.accept(totals);
    });
    await this.#compare();
    if (state.shared) this.#comparisons.start();
  }

  /** Does not wait for a comparison under way. */
  stop(): void {
    void this.#comparisons.stop();
    this.#stopListening?.();
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
