import { setImmediate as nextTurn } from "node:timers/promises";
import { RepeatedWork } from "../../concurrency/repeated-work.ts";
import { BanditError } from "../../domain/errors.ts";
import type { GenerationLog } from "../../ports/generation-log.ts";
import type { StateOrigin, StateRepair } from "../../ports/state-repair.ts";
import type { ArmTotals, TotalsSource } from "../../ports/state-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { AllocationTable } from "./allocation-table.ts";

/** Arms compared before others get their turn: about 1 ms, while decisions wait. */
const armsPerTurn = 200;
/** A log that began this much before the store was empty shows that there was something in the store. */
const olderLogMs = 10 * 60_000;
/** How often a store that was out of reach at the start is asked for its totals. */
const firstReadingIntervalMs = 200;

interface TotalsSyncOptions {
  readonly state: TotalsSource & { readonly repair: StateRepair };
  /** For calls that somebody waits for. */
  readonly online: Pick<StateRepair, "findOrigin">;
  readonly eventLog: Pick<GenerationLog, "findFirstDecisionMs">;
  readonly allocations: AllocationTable;
  readonly logger: Logger;
  readonly intervalMs: number;
}

/**
 * Keeps the posteriors in memory equal to those in the state store: every change is announced. Where
 * other replicas change the store too, a full comparison at intervals repairs what announcements missed.
 *
 * A store that has lost everything at once is not followed: what is in memory stays in force, and only what is
 * newer is taken in, until a rebuild has put everything back. Memory is the last place where it is known.
 */
export class TotalsSync {
  readonly #options: TotalsSyncOptions;
  readonly #comparisons: RepeatedWork;
  readonly #firstReading: RepeatedWork;
  #stopListening: (() => void) | undefined;
  /** Of the state that memory follows. */
  #origin: StateOrigin | undefined;
  #isStateLost = false;
  /** Id of the origin that the event log was compared with, and what came out. */
  #comparedWithLog: string | undefined;
  #isLogOlder = false;
  #checking: Promise<boolean> | undefined;

  constructor(options: TotalsSyncOptions) {
    this.#options = options;
    this.#comparisons = new RepeatedWork({
      pauseMs: options.intervalMs,
      work: () => this.#compare(),
      onFailure(error) {
        options.logger.warn("posteriors could not be compared with the state store", { error });
      },
    });
    this.#firstReading = new RepeatedWork({
      pauseMs: firstReadingIntervalMs,
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
      logger.warn("posteriors cannot be read; the last known ones stay in use", {
        error,
      });
      this.#firstReading.start();
      return false;
    }
    if (state.shared) this.#comparisons.start();
    return true;
  }

  /** The state store has lost everything, and nothing was put back yet. */
  get stateLost(): boolean {
    return this.#isStateLost || this.#isLogOlder;
  }

  /** The same, as it is at this moment, for a call that somebody waits for. Calls at once share one question. @throws BanditError unavailable. */
  checkStateLost(): Promise<boolean> {
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #check(): Promise<boolean> {
    const origin = await this.#options.online.findOrigin();
    return this.#isLost(origin) || (this.#isLogOlder && origin?.restored !== true);
  }

  /** To be called when everything was put back, so that it is known at once. @throws BanditError unavailable. */
  compare(): Promise<void> {
    return this.#compare();
  }

  /** Does not wait for a comparison under way. */
  stop(): void {
    void this.#firstReading.stop();
    void this.#comparisons.stop();
    this.#stopListening?.();
  }

  async #readLate(): Promise<void> {
    await this.#compare();
    this.#options.logger.info("posteriors can be read again");
    void this.#firstReading.stop();
    if (this.#options.state.shared) this.#comparisons.start();
  }

  async #compare(): Promise<void> {
    const { state, allocations } = this.#options;
    const origin = await state.repair.findOrigin();
    this.#compareWithLog(origin);
    if (this.#isLost(origin)) {
      this.#setStateLost(true);
      await this.#eachArm((totals) => allocations.accept(totals));
      return;
    }
    this.#origin = origin;
    allocations.beginComparison();
    const arms = await this.#eachArm((totals) => allocations.compare(totals));
    const isLost = arms === 0 && !allocations.isEmpty;
    this.#setStateLost(isLost);
    if (isLost) return;
    let seen = 0;
    for (const _ of allocations.forgetUnlisted()) {
      seen += 1;
      if (seen % armsPerTurn === 0) await nextTurn();
    }
  }

  /** A store that was connected to has an origin, so one without was emptied since. */
  #isLost(origin: StateOrigin | undefined): boolean {
    if (origin === undefined) return true;
    return !origin.restored && this.#origin !== undefined && this.#origin.id !== origin.id;
  }

  /** A process that begins on an emptied store knows nothing of it; the log does. Not waited for. */
  #compareWithLog(origin: StateOrigin | undefined): void {
    const { eventLog, logger } = this.#options;
    if (origin === undefined || origin.emptyAtMs === 0) {
      this.#isLogOlder = false;
      return;
    }
    const { id, emptyAtMs } = origin;
    if (this.#comparedWithLog === id) return;
    this.#comparedWithLog = id;
    eventLog.findFirstDecisionMs().then(
      (firstMs) => {
        this.#isLogOlder = firstMs !== undefined && firstMs < emptyAtMs - olderLogMs;
        if (!this.#isLogOlder) return;
        logger.error("the event log has decisions that are older than the empty state store", {
          remedy: "banditd rebuild",
        });
      },
      (error: unknown) => {
        this.#comparedWithLog = undefined;
        logger.debug("the state store could not be compared with the event log", { error });
      },
    );
  }

  /** @returns how many arms the store has. */
  async #eachArm(take: (totals: ArmTotals) => void): Promise<number> {
    let arms = 0;
    for await (const totals of this.#options.state.listTotals()) {
      take(totals);
      arms += 1;
      if (arms % armsPerTurn === 0) await nextTurn();
    }
    return arms;
  }

  #setStateLost(isLost: boolean): void {
    if (isLost === this.#isStateLost) return;
    this.#isStateLost = isLost;
    const { logger } = this.#options;
    if (isLost) {
      logger.error("the state store has lost its data; the posteriors in memory stay in use", {
        remedy: "banditd rebuild",
      });
    } else logger.info("the state store has its posteriors again");
  }
}
