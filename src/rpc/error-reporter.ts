import type { BanditError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { RefusalLog } from "./refusal-log.ts";
import { publicError } from "./status.ts";

/** When a store is down, every call fails in the same way: one line a second says that as well as ten thousand. */
const intervalMs = 1000;
/** Distinct (rpc, reason) pairs remembered; far more than there are. */
const pairsMax = 1024;

/** Turns what a handler threw into what a client may see, and logs what a client may not see. */
export class ErrorReporter {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #refusals: RefusalLog;
  readonly #recent = new Map<string, { loggedAtMs: number; suppressed: number }>();

  constructor(options: { logger: Logger; clock: Clock; refusals: RefusalLog }) {
    this.#logger = options.logger;
    this.#clock = options.clock;
    this.#refusals = options.refusals;
  }

  /** A caller's mistake is not logged; a refusal is, with others of its reason. */
  toPublicError(thrown: unknown, rpc: string): BanditError {
    const error = publicError(thrown);
    if (error.cause === undefined) this.#refusals.add(error, rpc);
    else this.#log(error, rpc);
    return error;
  }

  #log(error: BanditError, rpc: string): void {
    const key = `${rpc} ${error.reason}`;
    const nowMs = this.#clock.monotonicMs();
    const recent = this.#recent.get(key);
    if (recent !== undefined && nowMs - recent.loggedAtMs < intervalMs) {
      recent.suppressed += 1;
      return;
    }
    if (this.#recent.size >= pairsMax) this.#recent.clear();
    this.#recent.set(key, { loggedAtMs: nowMs, suppressed: 0 });
    const fields = {
      rpc,
      reason: error.reason,
      suppressed: recent?.suppressed ?? 0,
      error: error.cause,
    };
    if (error.code === "internal") this.#logger.error("a call failed unexpectedly", fields);
    else this.#logger.warn("a call failed", fields);
  }
}
