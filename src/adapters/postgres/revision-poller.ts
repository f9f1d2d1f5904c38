import { RepeatedWork } from "../../concurrency/repeated-work.ts";
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
  readonly #polls: RepeatedWork;
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
    this.#polls = new RepeatedWork({
      work: () => this.#poll(),
      pauseMs: () => (this.hasListeners ? options.intervalMs : Number.POSITIVE_INFINITY),
      onFailure: (error) => this.#failed(error),
    });
  }

  override subscribe(listener: () => void): () => void {
    const unsubscribe = super.subscribe(listener);
    this.#polls.start();
    return unsubscribe;
  }

  override stop(): void {
    super.stop();
    void this.#polls.stop();
  }

  override get blindSinceMs(): number | undefined {
    return this.#failingSinceMs;
  }

  async #poll(): Promise<void> {
    const [row] = await this.#connection.query(
      "SELECT revision::float8 AS revision FROM service_setting",
      // A connection that hangs is given up in time to ask again, on a new one, within the second.
      { timeoutMs: this.#intervalMs },
    );
    if (this.#failingSinceMs !== undefined) {
      this.#logger.info("the catalogue's revision can be read again");
    }
    this.#failingSinceMs = undefined;
    this.observed(revisionOf(row));
  }

  /** Said once per outage; what was loaded before stays in force. */
  #failed(error: unknown): void {
    if (this.#failingSinceMs === undefined) {
      this.#logger.warn("the catalogue's revision cannot be read", { error: String(error) });
    }
    this.#failingSinceMs ??= this.#clock.nowMs();
  }
}
