/**
 * Does the work for each item, `lanes` of them at the same time; results in the order of the items. Replies that
 * arrive all at once would be read in one turn of the event loop.
 */
export async function fewAtATime<Item, Result>(
  lanes: number,
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const rest = items.entries();
  const lane = async (): Promise<void> => {
    for (const [index, item] of rest) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}
