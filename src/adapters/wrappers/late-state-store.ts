import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { StateRepair } from "../../ports/state-repair.ts";
import type { ArmTotals, StateStore } from "../../ports/state-store.ts";
import type { Logger } from "../../ports/telemetry.ts";

interface LateStateStoreOptions {
  /** Connects anew each time it is called. */
  readonly connect: () => Promise<StateStore>;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Listening {
  readonly listener: (totals: ArmTotals) => void;
  stop: (() => void) | undefined;
}

const delayMsMin = 25;
const delayMsMax = 1_000;

/**
 * A shared state store that may not be there yet. Until it is, every call rejects at once with `unavailable`
 * (`STATE_UNAVAILABLE`), and it is looked for in the background, 25 ms to 1 s apart. From then on this is the
 * store itself, which repairs later losses of its connection by its own means.
 */
export class LateStateStore implements StateStore {
  readonly shared = true;
  readonly #options: LateStateStoreOptions;
  readonly #listening = new Set<Listening>();
  #store: StateStore | undefined;
  #problem: { readonly sinceMs: number; readonly error: unknown } | undefined;
  #attempts = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * Resolves when the store is there, or is found to be out of reach.
   * @throws BanditError whatever `connect` says that is not retryable: waiting would not help. A store that is
   * full is waited for, as one that is away: the other processes are making room.
   */
  static async open(options: LateStateStoreOptions): Promise<LateStateStore> {
    const late = new LateStateStore(options);
    try {
      late.#arrived(await options.connect());
    } catch (error) {
      if (!(error instanceof BanditError) || !error.retryable) throw error;
      late.#failed(error);
    }
    return late;
  }

  private constructor(options: LateStateStoreOptions) {
    this.#options = options;
  }

  /** Why there is no store yet, and since when (Unix milliseconds); undefined once there is one. */
  get problem(): { readonly sinceMs: number; readonly error: unknown } | undefined {
    return this.#problem;
  }

  get repair(): StateRepair {
    return this.#get().repair;
  }

  async recordDecision(
    ...input: Parameters<StateStore["recordDecision"]>
  ): ReturnType<StateStore["recordDecision"]> {
    return this.#get().recordDecision(...input);
  }

  async findDecision(
    ...input: Parameters<StateStore["findDecision"]>
  ): ReturnType<StateStore["findDecision"]> {
    return this.#get().findDecision(...input);
  }

  async applyContributions(
    ...input: Parameters<StateStore["applyContributions"]>
  ): ReturnType<StateStore["applyContributions"]> {
    return this.#get().applyContributions(...input);
  }

  async *listTotals(): AsyncIterable<ArmTotals> {
    yield* this.#get().listTotals();
  }

  onTotalsChanged(listener: (totals: ArmTotals) => void): () => void {
    const listening: Listening = { listener, stop: this.#store?.onTotalsChanged(listener) };
    this.#listening.add(listening);
    return () => {
      this.#listening.delete(listening);
      listening.stop?.();
    };
  }

  async readOutbox(
    ...input: Parameters<StateStore["readOutbox"]>
  ): ReturnType<StateStore["readOutbox"]> {
    return this.#get().readOutbox(...input);
  }

  async confirmOutbox(...input: Parameters<StateStore["confirmOutbox"]>): Promise<void> {
    return this.#get().confirmOutbox(...input);
  }

  async outboxState(): ReturnType<StateStore["outboxState"]> {
    return this.#get().outboxState();
  }

  async ping(): Promise<void> {
    return this.#get().ping();
  }

  /** A connection that is just being made is closed when it is there, and not waited for. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#store?.close();
  }

  #get(): StateStore {
    if (this.#store !== undefined) return this.#store;
    throw new BanditError("unavailable", "the state store cannot be reached", {
      reason: "STATE_UNAVAILABLE",
      retryAfterMs: delayMsMax,
      cause: this.#problem?.error,
    });
  }

  #arrived(store: StateStore): void {
    if (this.#closed) {
      store.close().catch((error: unknown) => {
        this.#options.logger.warn("a late connection could not be closed", { error });
      });
      return;
    }
    this.#store = store;
    this.#problem = undefined;
    for (const listening of this.#listening) {
      listening.stop = store.onTotalsChanged(listening.listener);
    }
    if (this.#attempts > 0) {
      this.#options.logger.info("the state store is there", { attempts: this.#attempts + 1 });
    }
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    const { clock, logger } = this.#options;
    const before = this.#problem;
    this.#problem = { sinceMs: before?.sinceMs ?? clock.nowMs(), error };
    const delayMs = Math.min(delayMsMin * 2 ** Math.min(this.#attempts, 10), delayMsMax);
    this.#attempts += 1;
    // Said when it begins and when it turns into something else, not with every attempt.
    if (reasonOf(before?.error) !== reasonOf(error)) {
      const isReachable = !(error instanceof BanditError && error.code === "unavailable");
      if (isReachable) logger.error("the state store cannot be used; it is tried again", { error });
      else logger.warn("the state store cannot be reached; it is tried again", { error });
    }
    this.#timer = setTimeout(() => {
      this.#options.connect().then(
        (store) => this.#arrived(store),
        (later: unknown) => this.#failed(later),
      );
    }, delayMs).unref();
  }
}

function reasonOf(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  return error instanceof BanditError ? error.reason : "BUG";
}
