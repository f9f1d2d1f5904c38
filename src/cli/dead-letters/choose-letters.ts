import type { BanditClient, DeadLetter } from "../../client/index.ts";
import { badInput, CliError, exitCodes } from "../exit-code.ts";

const pageSize = 1_000;
const idDigits = 32;
const prefixDigitsMin = 6;

/** Dead letters without their content, by id, page after page; of one kind or of all. */
export async function* eachLetter(
  client: BanditClient,
  filter: { kind?: string },
): AsyncGenerator<{ letter: DeadLetter; total: number }> {
  let pageToken = "";
  do {
    const page = await client.listDeadLetters({ ...filter, pageSize, pageToken });
    for (const letter of page.deadLetters) yield { letter, total: Number(page.total) };
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

/**
 * Whole ids for ids and beginnings of ids as somebody types them, each once.
 * @throws CliError usage for what is no id or fits several letters, not found for what fits none
 */
export async function idsOfPrefixes(
  client: BanditClient,
  given: readonly string[],
): Promise<readonly string[]> {
  const prefixes = [...new Set(given.map((text) => text.toLowerCase()))];
  for (const prefix of prefixes) {
    if (!/^[0-9a-f]*$/.test(prefix) || prefix.length < prefixDigitsMin) {
      throw badInput(
        `${JSON.stringify(prefix)} is no id of a dead letter: ${prefixDigitsMin} to ${idDigits} hexadecimal digits`,
      );
    }
    if (prefix.length > idDigits) throw badInput(`${prefix} has more than ${idDigits} digits`);
  }
  if (prefixes.every((prefix) => prefix.length === idDigits)) return prefixes;
  const matches = new Map<string, string[]>(prefixes.map((prefix) => [prefix, []]));
  for await (const { letter } of eachLetter(client, {})) {
    for (const [prefix, found] of matches) {
      if (letter.deadLetterId.startsWith(prefix)) found.push(letter.deadLetterId);
    }
  }
  const ids = new Set<string>();
  for (const [prefix, [id, ...others]] of matches) {
    if (id === undefined) {
      throw new CliError(exitCodes.notFound, `no dead letter's id begins with ${prefix}`);
    }
    if (others.length > 0) {
      throw badInput(`${prefix} is the beginning of ${others.length + 1} ids; give more digits`);
    }
    ids.add(id);
  }
  return [...ids];
}
