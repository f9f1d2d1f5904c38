import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { revisionOf } from "./catalogue-rows.ts";
import { RevisionSource } from "./revision-source.ts";
import type { SqlConnection } from "./sql-connection.ts";

/**
 * Asks the database for the revision again and again while somebody listens, so that a change made by
 * any process is known everywhere within a second. Refused: LISTEN/NOTIFY, which loses what happens
 * while its connection is down and does not pass connection poolers; it would need the poll as well.
 */
export class RevisionPoller extends RevisionSource {
  readonly #connection: SqlConnection;
  readonly #logger: Logger;
  readonly #intervalMs: number;
  readonly #clock: Clock;
  #timer: NodeJS.Timeout | undefined;
  #polling = false;
  #stopped = false;
  #failingSinceMs: number | undefined;

  constructor(options: {
    connection: SqlConnection;
    logger: Logger;
    intervalMs: number;
    clock: Clock;
  }) {
    super(options.logger);
    this.#clock = options.clock;
    this.#connection = options.connection;
    this.#logger = options.logger;
    this.#intervalMs = options.intervalMs;
  }

  override subscribe(listener: () => void): () => void {
    const unsubscribe = super.subscribe(listener);
    this.#schedule();
    return unsubscribe;
  }

  override stop(): void {
    super.stop();
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  override get blindSinceMs(): number | undefined {
    return this.#failingSinceMs;
  }

  #schedule(): void {
    if (this.#stopped || this.#polling || this.#timer !== undefined || !this.hasListeners) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#poll();
    }, this.#intervalMs);
  }

  /** Never rejects. */
  async #poll(): Promise<void> {
    this.#polling = true;
    try {
      const [row] = await this.#connection.query(
        "SELECT revision::float8 AS revision FROM service_setting",
        // A connection that hangs is given up in time to ask again, on a new one, within the second.
        { timeoutMs: this.#intervalMs },
      );
      if (this.#failingSinceMs !== undefined) {
        this.#logger.info("the catalogue's revision can be read again");
      }
      this.#failingSinceMs = undefined;
      if (!this.#stopped) this.observed(revisionOf(row));
    } catch (error) {
      // Said once per outage; what was loaded before stays in force.
      if (this.#failingSinceMs === undefined && !this.#stopped) {
        this.#logger.warn("the catalogue's revision cannot be read", { error: String(error) });
      }
      this.#failingSinceMs ??= this.#clock.nowMs();
    }
    this.#polling = false;
    this.#schedule();
  }
}
