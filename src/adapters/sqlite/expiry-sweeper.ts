import { RepeatedWork } from "../../concurrency/repeated-work.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { StateGroup } from "./state-group.ts";
import type { StateTables } from "./state-tables.ts";

/** Rows removed in one sweep: about 1 ms of work. */
const rowsPerSweep = 200;
const idleIntervalMs = 10_000;
/** With a backlog: 40,000 rows a second, more than can be written in that time. */
const busyIntervalMs = 5;

/** The wall clock has been set when it has gone this much further, or less far, than the monotonic one. */
const jumpMsMin = 2_000;
/**
 * For so long after that nothing is swept: longer than a decision is remembered without looking here
 * (`decisionMemorySeconds`), so that a ledger which a clock that was ahead has swept cannot be missed.
 */
const heldMs = 15 * 60_000;

/**
 * Removes expired records and ledgers a little at a time, so that the file does not grow for ever. Not by a wall clock that
 * has just been set: it may be wrong, and set right again. What it would remove wrongly is a ledger whose generation somebody
 * still remembers, and its outcomes would be counted twice. After a quarter of an hour it is believed.
 */
export class ExpirySweeper {
  readonly #tables: StateTables;
  readonly #commits: GroupCommit<StateGroup>;
  readonly #clock: Clock;
  readonly #logger: Logger | undefined;
  readonly #rounds: RepeatedWork;
  /** Of the wall clock, ahead of the monotonic one. */
  #aheadMs: number;
  #heldUntilMs = Number.NEGATIVE_INFINITY;
  #swept = 0;

  constructor(options: {
    tables: StateTables;
    commits: GroupCommit<StateGroup>;
    clock: Clock;
    logger: Logger | undefined;
  }) {
    this.#tables = options.tables;
    this.#commits = options.commits;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#aheadMs = options.clock.nowMs() - options.clock.monotonicMs();
    this.#rounds = new RepeatedWork({
      work: () => this.sweep(),
      pauseMs: (failures) => (failures === 0 && this.#swept > 0 ? busyIntervalMs : idleIntervalMs),
      onFailure: (error) => {
        this.#logger?.warn("removing expired state failed and will be tried again", { error });
      },
    });
    this.#rounds.start();
  }

  /** @returns the number of rows removed; 0 when nothing has expired, or the clock has been set a short time ago. */
  async sweep(): Promise<number> {
    this.#swept = await this.#commits.run(({ nowMs }) =>
      this.#isHeld(nowMs) ? 0 : this.#tables.sweep(nowMs, rowsPerSweep),
    );
    return this.#swept;
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** Looks at the moment that the sweep goes by. */
  #isHeld(nowMs: number): boolean {
    const monotonicMs = this.#clock.monotonicMs();
    const aheadMs = nowMs - monotonicMs;
    const jumpMs = aheadMs - this.#aheadMs;
    this.#aheadMs = aheadMs;
    if (Math.abs(jumpMs) >= jumpMsMin) {
      this.#heldUntilMs = monotonicMs + heldMs;
      this.#logger?.warn("the wall clock was set: no expired state is removed for a while", {
        byMs: Math.round(jumpMs),
        forMs: heldMs,
      });
    }
    return monotonicMs < this.#heldUntilMs;
  }
}
