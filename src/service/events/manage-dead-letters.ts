import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type {
  DeadLetter,
  DeadLetterKind,
  DeadLetterStore,
  DeadLetterSummary,
} from "../../ports/dead-letters.ts";
import type { EventSink } from "../../ports/event-log.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import type { CallContext } from "../api/call-context.ts";
import type { ReplayedLetters } from "../api/dead-letters.ts";
import type { Page, PageRequest } from "../api/page.ts";
import { keyBeforePage, tokenOfPageAfter } from "../api/page.ts";
import type { DeadLetterCount } from "./dead-letter-count.ts";
import { refusalText } from "./record-dead-letters.ts";

export interface ManageDeadLettersDependencies {
  readonly store: DeadLetterStore;
  readonly count: DeadLetterCount;
  readonly eventLog: EventSink;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  /**
   * Applies a spooled report, the content of a letter of the kind `spooled`, exactly once however often it is
   * called. Rejects with a BanditError that is retryable, or `deadline_exceeded`,
   * when it cannot be told now whether it is refused once more; with any other error when it is.
   */
  readonly applySpooled: (content: string) => Promise<unknown>;
}

/** Letters that one call replays or drops. */
const lettersMax = 1_000;

/** Lets an operator list dead letters, return them, or drop them. */
export class ManageDeadLetters {
  readonly #deps: ManageDeadLettersDependencies;

  constructor(deps: ManageDeadLettersDependencies) {
    this.#deps = deps;
  }

  /** @throws BanditError unavailable, or invalid_argument for a token that no page gave out. */
  async list(
    request: PageRequest & { kind?: DeadLetterKind },
  ): Promise<Page<DeadLetterSummary> & { total: number }> {
    const { pageSize, pageToken, kind } = request;
    const afterId = keyBeforePage(pageToken);
    const [letters, total] = await Promise.all([
      this.#deps.store.list({
        limit: pageSize + 1,
        ...(kind === undefined ? {} : { kind }),
        ...(afterId === undefined ? {} : { afterId }),
      }),
      this.#deps.count.refresh(),
    ]);
    const items = letters.slice(0, pageSize);
    const last = items.at(-1);
    const isLast = letters.length <= pageSize || last === undefined;
    return { items, nextPageToken: isLast ? "" : tokenOfPageAfter(last.id), total };
  }

  /** @throws BanditError not_found, also when it was replayed or dropped. */
  async get(id: string): Promise<DeadLetter> {
    const letter = await this.#deps.store.find(id);
    if (letter !== undefined) return letter;
    throw new BanditError("not_found", `no dead letter ${id}`, {
      reason: "DEAD_LETTER_NOT_FOUND",
      metadata: { dead_letter_id: id },
    });
  }

  /**
   * Tries letters again: rows are inserted, spooled reports applied. Safe to repeat: what went in does not go in
   * again. Ends early when the caller has gone; letters returned until then stay so.
   * @param ids empty: the first {@link lettersMax} by id
   * @throws BanditError unavailable when the event log or the state store cannot be reached.
   */
  async replay(ids: readonly string[], context: CallContext): Promise<ReplayedLetters> {
    const { store, count, logger } = this.#deps;
    const chosen =
      ids.length > 0
        ? new Set(ids)
        : new Set((await store.list({ limit: lettersMax })).map(({ id }) => id));
    const replayed: string[] = [];
    const refused: DeadLetter[] = [];
    const unknownIds: string[] = [];
    try {
      for (const id of chosen) {
        if (context.signal.aborted) break;
        const letter = await store.find(id);
        if (letter === undefined) {
          unknownIds.push(id);
          continue;
        }
        const error = await this.#replayOne(letter);
        if (error === undefined) replayed.push(id);
        else refused.push(this.#refusedAgain(letter, error));
      }
    } finally {
      // Also when a later one failed: a letter that is not noted here is returned once more, under the same token.
      await store.add(refused);
      await store.resolve(replayed, "replayed");
    }
    logger.info("dead letters were returned", {
      actor: context.actor,
      replayed: replayed.length,
      refused: refused.length,
    });
    return {
      replayed: replayed.length,
      refused: refused.map(summaryOf),
      unknownIds,
      remaining: await count.refresh(),
    };
  }

  /** @throws BanditError unavailable */
  async drop(
    ids: readonly string[],
    context: CallContext,
  ): Promise<{ dropped: number; unknownIds: readonly string[] }> {
    const { store, count, logger } = this.#deps;
    const chosen = [...new Set(ids)];
    const dropped = new Set(await store.resolve(chosen, "dropped"));
    logger.info("dead letters were dropped", { actor: context.actor, dropped: dropped.size });
    await count.refresh();
    return { dropped: dropped.size, unknownIds: chosen.filter((id) => !dropped.has(id)) };
  }

  /** @returns why it is refused; undefined when it is where it belongs. @throws BanditError that may pass */
  async #replayOne(letter: DeadLetter): Promise<string | undefined> {
    const { id, kind, content, attempts } = letter;
    try {
      if (kind === "spooled") {
        await this.#deps.applySpooled(content);
      } else {
        await this.#deps.eventLog.append({
          stream: kind,
          rows: content,
          // Repeated after a crash, it is the same insert; once the letter was refused again, a new one.
          deduplicationToken: `replay:${id}:${attempts}`,
        });
      }
      return undefined;
    } catch (error) {
      if (mayPass(error)) throw error;
      return refusalText(error);
    }
  }

  #refusedAgain(letter: DeadLetter, error: string): DeadLetter {
    const { clock, telemetry } = this.#deps;
    telemetry.count("bandit_dead_letters_total", { kind: letter.kind });
    return { ...letter, error, attempts: letter.attempts + 1, failedAtMs: clock.nowMs() };
  }
}

/** Whatever else it is, a bug that one letter wakes included, must not keep the other letters from being replayed. */
function mayPass(error: unknown): boolean {
  return error instanceof BanditError && (error.retryable || error.code === "deadline_exceeded");
}

function summaryOf({ content, ...letter }: DeadLetter): DeadLetterSummary {
  return { ...letter, contentBytes: Buffer.byteLength(content) };
}
