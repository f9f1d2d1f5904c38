import { KeepTrying, type Problem } from "../../concurrency/keep-trying.ts";
import { backOff } from "../../concurrency/repeated-work.ts";
import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ArmTotals, StateStore } from "../../ports/state-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { intercept, stateStoreMethods } from "./intercept.ts";

interface LateStateStoreOptions {
  /** Connects anew each time it is called. */
  readonly connect: () => Promise<StateStore>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * A shared state store that may not be there yet. Until it is, every call rejects at once with `unavailable`
 * (`STATE_UNAVAILABLE`), and it is looked for in the background, 25 ms to 1 s apart. From then on this is the
 * store itself, which repairs later losses of its connection by its own means.
 */
export interface LateStateStore extends StateStore {
  /** Why there is no store yet; undefined once there is one. */
  readonly problem: Problem | undefined;
}

interface Listening {
  readonly listener: (totals: ArmTotals) => void;
  stop: (() => void) | undefined;
}

const delayMsMax = 1_000;

/**
 * Resolves when the store is there, or is found to be out of reach.
 * @throws BanditError whatever `connect` says that is not retryable: waiting would not help. A store that is
 * full is waited for, as one that is away: the other processes are making room.
 */
export async function openLateStateStore(options: LateStateStoreOptions): Promise<LateStateStore> {
  const { connect, clock, logger } = options;
  const listening = new Set<Listening>();
  let store: StateStore | undefined;
  let isClosed = false;
  const arrive = async (): Promise<void> => {
    const arrived = await connect();
    if (isClosed) {
      await arrived.close();
      return;
    }
    store = arrived;
    for (const each of listening) each.stop = arrived.onTotalsChanged(each.listener);
  };
  const attempts = new KeepTrying({
    what: "connecting to the state store",
    work: arrive,
    pauseMs: backOff({ minMs: 25, maxMs: delayMsMax }),
    clock,
    logger,
  });
  const get = (): StateStore => {
    if (store !== undefined) return store;
    throw new BanditError("unavailable", "the state store cannot be reached", {
      reason: "STATE_UNAVAILABLE",
      retryAfterMs: delayMsMax,
      cause: attempts.problem?.error,
    });
  };
  try {
    await arrive();
  } catch (error) {
    if (!(error instanceof BanditError) || !error.retryable) throw error;
    attempts.start(error);
  }
  return {
    ...intercept(get, stateStoreMethods, async (call) => call()),
    shared: true,
    get problem() {
      return attempts.problem;
    },
    get repair() {
      return get().repair;
    },
    async *listTotals() {
      yield* get().listTotals();
    },
    onTotalsChanged(listener) {
      const each: Listening = { listener, stop: store?.onTotalsChanged(listener) };
      listening.add(each);
      return () => {
        listening.delete(each);
        each.stop?.();
      };
    },
    /** A connection that is just being made is closed when it is there, and not waited for. */
    async close() {
      isClosed = true;
      attempts.stop();
      await store?.close();
    },
  };
}
