import type { DeadLetter, DeadLetterKind, DeadLetterSummary } from "../../ports/dead-letters.ts";
import type { CallContext } from "./call-context.ts";
import type { Page, PageRequest } from "./page.ts";

/** Acknowledged events and reports that were refused later, as `DeadLetterService` of the contract. */
export interface DeadLetterApi {
  listDeadLetters(
    request: PageRequest & { kind?: DeadLetterKind },
  ): Promise<Page<DeadLetterSummary> & { total: number }>;
  /** @throws not_found */
  getDeadLetter(id: string): Promise<DeadLetter>;
  /** Empty: the first 1,000 by id. */
  replayDeadLetters(ids: readonly string[], context: CallContext): Promise<ReplayedLetters>;
  dropDeadLetters(
    ids: readonly string[],
    context: CallContext,
  ): Promise<{ dropped: number; unknownIds: readonly string[] }>;
}

/** What became of letters that were tried again. */
export interface ReplayedLetters {
  readonly replayed: number;
  /** With the new error and one attempt more. */
  readonly refused: readonly DeadLetterSummary[];
  readonly unknownIds: readonly string[];
  /** Dead letters that are left, of every kind. */
  readonly remaining: number;
}
