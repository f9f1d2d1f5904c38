import { WaitingLine } from "../../concurrency/lanes.ts";
import { RepeatedWork } from "../../concurrency/repeated-work.ts";
import type { Logger } from "../../ports/telemetry.ts";

export interface SnapshotKeeperOptions {
  /** For the log, e.g. `catalogue`. */
  readonly what: string;
  /** Changes with what there is to save, and costs nothing: a revision, a count of changes. */
  readonly version: () => unknown;
  readonly save: () => Promise<void>;
  /** Already saved, if anything is. */
  readonly savedVersion: unknown;
  /** How often it is asked whether there is something new. */
  readonly intervalMs: number;
  readonly logger: Logger;
}

/** Saves something again whenever it has changed, once for any number of changes; a failure is tried again. */
export class SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions;
  readonly #rounds: RepeatedWork;
  #savedVersion: unknown;
  #isFailing = false;
  readonly #savings = new WaitingLine({ runningMax: 1 });

  constructor(options: SnapshotKeeperOptions) {
    this.#options = options;
    this.#savedVersion = options.savedVersion;
    this.#rounds = new RepeatedWork({
      pauseMs: options.intervalMs,
      work: () => this.saveNow(),
      onFailure: (error) => {
        // Said once, until it has succeeded again: a full disk stays full for a while.
        if (!this.#isFailing) {
          const { what, logger } = options;
          logger.warn("a snapshot could not be saved; the last one stays", { what, error });
        }
        this.#isFailing = true;
      },
    });
  }

  start(): void {
    this.#rounds.start();
  }

  /** Resolves when what there is now is saved. @throws what saving has failed with */
  saveNow(): Promise<void> {
    return this.#savings.run(() => this.#saveChanged());
  }

  /** Saves the last changes, unless that fails, which is logged. */
  async stop(): Promise<void> {
    await this.#rounds.stop();
    try {
      await this.saveNow();
    } catch (error) {
      const { what, logger } = this.#options;
      logger.warn("a snapshot could not be saved; the last one stays", { what, error });
    }
  }

  async #saveChanged(): Promise<void> {
    const version = this.#options.version();
    if (version === this.#savedVersion) return;
    await this.#options.save();
    this.#savedVersion = version;
    this.#isFailing = false;
  }
}
