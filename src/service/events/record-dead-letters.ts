import { createHash } from "node:crypto";
import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DeadLetter, DeadLetterKind, DeadLetterStore } from "../../ports/dead-letters.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import type { DeadLetterCount } from "./dead-letter-count.ts";

/** Something that was acknowledged and is refused now. */
export interface Refusal {
  /** One JSON object: the row, or the spooled report. */
  readonly content: string;
  /** Why, in words; see {@link refusalText}. */
  readonly error: string;
}

interface Dependencies {
  readonly store: DeadLetterStore;
  readonly count: DeadLetterCount;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

const errorCharsMax = 2_000;

/** Records refused rows and reports as dead letters. */
export class RecordDeadLetters {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  /**
   * Durable on resolve, so the refused row or report may be removed elsewhere then. Idempotent: the same kind and
   * content is the same letter.
   * @throws BanditError unavailable when the table cannot be written; nothing may be given up then.
   */
  async execute(kind: DeadLetterKind, refusals: readonly Refusal[]): Promise<void> {
    if (refusals.length === 0) return;
    const { store, count, clock, telemetry } = this.#deps;
    const failedAtMs = clock.nowMs();
    await store.add(
      refusals.map(
        ({ content, error }): DeadLetter => ({
          id: deadLetterId(kind, content),
          kind,
          content,
          error,
          failedAtMs,
          attempts: 1,
        }),
      ),
    );
    telemetry.count("bandit_dead_letters_total", { kind }, refusals.length);
    count.refreshSoon();
  }
}

/**
 * What an operator is told: the first line of what the engine said, which a {@link BanditError} has as its
 * cause, or of the error itself.
 */
export function refusalText(error: unknown): string {
  const told = error instanceof BanditError && error.cause instanceof Error ? error.cause : error;
  const [line = ""] = (told instanceof Error ? told.message : String(told)).trim().split("\n");
  // The number of a row within an insert means nothing once the row stands alone.
  return line.replace(/:? \(at row \d+\)$/, "").slice(0, errorCharsMax);
}

/** A digest of kind and content: the same thing is the same letter, however often it is refused. */
function deadLetterId(kind: DeadLetterKind, content: string): string {
  return createHash("sha256").update(`${kind}\n${content}`).digest("hex").slice(0, 32);
}
