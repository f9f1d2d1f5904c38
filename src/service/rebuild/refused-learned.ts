import { BanditError } from "../../domain/errors.ts";
import type { DeadLetterKind, DeadLetterStore } from "../../ports/dead-letters.ts";

/** Rows that something is learned of before the event log has them. */
const learnedKinds: readonly DeadLetterKind[] = ["generations", "outcomes"];
const countedMax = 1_000;

/** Dead letters that may have been learned from, though the event log lacks them; 1,000 of each kind at most. */
export async function countRefusedLearned(store: DeadLetterStore): Promise<number> {
  if ((await store.count()) === 0) return 0;
  const lists = await Promise.all(
    learnedKinds.map((kind) => store.list({ kind, limit: countedMax })),
  );
  return lists.reduce((sum, letters) => sum + letters.length, 0);
}

/**
 * What the event log lacks would be unlearned.
 * @throws BanditError failed_precondition (`DEAD_LETTERS_PENDING`)
 */
export async function requireNoneRefused(store: DeadLetterStore): Promise<void> {
  const letters = await countRefusedLearned(store);
  if (letters === 0) return;
  throw new BanditError(
    "failed_precondition",
    "a rebuild would unlearn acknowledged outcomes that are dead letters; return or drop them first: banditd dead-letters list",
    { reason: "DEAD_LETTERS_PENDING", metadata: { dead_letters: String(letters) } },
  );
}
