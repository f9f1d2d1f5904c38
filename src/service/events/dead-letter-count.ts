import { RepeatedWork } from "../../concurrency/repeated-work.ts";
import type { DeadLetterStore } from "../../ports/dead-letters.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";

/** Another replica may have made some, or an operator resolved them there. */
const pauseMs = 30_000;

/** Keeps `bandit_dead_letters` at the table's count; at its last value while the table cannot be read. */
export class DeadLetterCount {
  readonly #deps: { store: DeadLetterStore; telemetry: Telemetry; logger: Logger };
  readonly #work: RepeatedWork;

  constructor(deps: { store: DeadLetterStore; telemetry: Telemetry; logger: Logger }) {
    this.#deps = deps;
    this.#work = new RepeatedWork({
      pauseMs,
      work: () => this.refresh(),
      onFailure: (error) => logNotCounted(deps.logger, error),
    });
  }

  start(): void {
    this.refreshSoon();
    this.#work.start();
  }

  /** @throws BanditError unavailable */
  async refresh(): Promise<number> {
    const count = await this.#deps.store.count();
    this.#deps.telemetry.gauge("bandit_dead_letters", count);
    return count;
  }

  /** Not waited for: neither a start nor a dead letter depends on the number. */
  refreshSoon(): void {
    this.refresh().catch((error: unknown) => logNotCounted(this.#deps.logger, error));
  }

  stop(): Promise<void> {
    return this.#work.stop();
  }
}

function logNotCounted(logger: Logger, error: unknown): void {
  logger.debug("dead letters could not be counted", { error });
}
