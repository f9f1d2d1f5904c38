import { setImmediate as nextTurn } from "node:timers/promises";
import { BanditError } from "../domain/errors.ts";
import type { StateStore } from "../ports/state-store.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { AllocationTable } from "./allocation-table.ts";
import { RepeatedWork } from "./repeated-work.ts";

/** Arms compared before others get their turn: about 1 ms, for which decisions wait. */
const armsPerTurn = 200;
/** How often a store that was out of reach at the start is asked for its totals. */
const firstReadingIntervalMs = 200;

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
  readonly #firstReading: RepeatedWork;
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
    this.#firstReading = new RepeatedWork({
      intervalMs: firstReadingIntervalMs,
      work: () => this.#readLate(),
      // Said when it began; the next attempt comes soon.
      onFailure: (error) => options.logger.debug("posteriors are not there yet", { error }),
    });
  }

  /**
   * Resolves with true when every posterior has been read; with false when the store cannot be reached: then
   * they are read as soon as it can be. @throws BanditError whatever else is wrong with the store.
   */
  async start(): Promise<boolean> {
    const { state, allocations, logger } = this.#options;
    // Listening first: a change between the listing and the listening would be missed.
    this.#stopListening = state.onTotalsChanged((totals) => {
      allocations.accept(totals);
    });
    try {
      await this.#compare();
    } catch (error) {
      if (!(error instanceof BanditError) || error.code !== "unavailable") throw error;
      logger.warn("posteriors cannot be read; what was known last is used until they can", {
        error,
      });
      this.#firstReading.start();
      return false;
    }
    if (state.shared) this.#comparisons.start();
    return true;
  }

  /** Does not wait for a comparison under way. */
  stop(): void {
    void this.#firstReading.stop();
    void this.#comparisons.stop();
    this.#stopListening?.();
  }

  async #readLate(): Promise<void> {
    await this.#compare();
    this.#options.logger.info("posteriors were read, late");
    void this.#firstReading.stop();
    if (this.#options.state.shared) this.#comparisons.start();
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
