import type { ArmTotals } from "../../ports/state-store.ts";
import type { Logger } from "../../ports/telemetry.ts";

/** Those who are told of changed totals. One that throws does not keep the others from being told. */
export class TotalsListeners {
  readonly #logger: Logger | undefined;
  readonly #listeners = new Set<(totals: ArmTotals) => void>();

  constructor(logger: Logger | undefined) {
    this.#logger = logger;
  }

  /** @returns what takes it away again */
  add(listener: (totals: ArmTotals) => void): () => void {
    // The same function may be added twice.
    const call = (totals: ArmTotals): void => listener(totals);
    this.#listeners.add(call);
    return () => void this.#listeners.delete(call);
  }

  tell(totals: ArmTotals): void {
    for (const listener of this.#listeners) {
      try {
        listener(totals);
      } catch (error) {
        this.#logger?.error("a listener to changed totals threw", { error });
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}
