import { setImmediate as nextTurn } from "node:timers/promises";

/** Items of a batch begun in one turn of the event loop: about two milliseconds of work. */
export const itemsPerTurn = 50;

/**
 * Runs `answer` for each item and gives the answers in order. Those of one turn are sent to the store
 * together; between two turns other calls have theirs, so that a batch of a thousand does not delay a decision.
 * @param answer must not reject
 */
export async function inTurns<Item, Answer>(
  items: readonly Item[],
  answer: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Promise<Answer>[] = [];
  for (let from = 0; from < items.length; from += itemsPerTurn) {
    if (from > 0) await nextTurn();
    for (const item of items.slice(from, from + itemsPerTurn)) answers.push(answer(item));
  }
  return Promise.all(answers);
}
