import { Command, Option } from "commander";
import type { BanditClient, DeadLetter } from "../../client/index.ts";
import { type AnswerOptions, addAnswerOptions, answer, required } from "../command-frame.ts";
import { eachLetter, idsOfPrefixes } from "../dead-letters/choose-letters.ts";
import { badInput, CliError, exitCodes } from "../exit-code.ts";
import { wholeNumber } from "../parse-option.ts";
import type { Terminal } from "../terminal.ts";
import { formatLetter, formatLetters, letterJson } from "../text/letter-text.ts";
import { counted, integer, Progress } from "../text/progress.ts";

const kinds = ["decisions", "generations", "outcomes", "spooled"];
/** Letters of one call, so that each call is answered soon and progress can be told. */
const lettersPerCall = 100;
const callDeadlineMs = 60_000;
const noun = "dead letter";

interface ChoiceOptions extends AnswerOptions {
  readonly all?: true;
  readonly kind?: string;
}

export function deadLettersCommand(terminal: Terminal): Command {
  const letters = new Command("dead-letters").description(
    "acknowledged events and reports that were refused later: list, return or drop them",
  );
  for (const command of [
    listCommand(terminal),
    showCommand(terminal),
    returnCommand(terminal),
    dropCommand(terminal),
  ]) {
    letters.addCommand(addAnswerOptions(command));
  }
  return letters;
}

function listCommand(terminal: Terminal): Command {
  return new Command("list")
    .description("list dead letters")
    .addOption(kindOption())
    .option("--limit <count>", "most letters to list", wholeNumber(1, 1_000_000), 100)
    .action((options: AnswerOptions & { kind?: string; limit: number }) =>
      answer(terminal, options, {
        ask: async (client) => {
          const found = await firstLetters(client, options);
          if (found.more && !options.json) {
            terminal.err(
              `only the first ${options.limit} are shown, of ${integer(found.total)} of every kind; --limit shows more\n`,
            );
          }
          return found;
        },
        json: ({ total, letters }) => ({ total, dead_letters: letters.map(letterJson) }),
        text: ({ total, letters }) => {
          if (letters.length > 0) return formatLetters(letters);
          return total === 0 ? "no dead letters\n" : "no dead letters of this kind\n";
        },
      }),
    );
}

function showCommand(terminal: Terminal): Command {
  return new Command("show")
    .description("show one dead letter with its content")
    .argument("<id>", "its id, or the first 6 digits or more")
    .action((text: string, options: AnswerOptions) =>
      answer(terminal, options, {
        ask: async (client) => {
          const [deadLetterId = ""] = await idsOfPrefixes(client, [text]);
          return required((await client.getDeadLetter({ deadLetterId })).deadLetter, "the letter");
        },
        json: letterJson,
        text: formatLetter,
      }),
    );
}

function returnCommand(terminal: Terminal): Command {
  return withChoice(
    new Command("return")
      .description("return dead letters to the queue; those that are refused again stay")
      .argument("[id...]", "their ids, or the first 6 digits or more of each"),
  )
    .addHelpText(
      "after",
      `
Exits with 1 when a letter was refused once more.

Examples:
  banditd dead-letters return 3f9a21c07b44
  banditd dead-letters return --all --kind outcomes`,
    )
    .action((given: readonly string[], options: ChoiceOptions) =>
      answer(terminal, options, {
        ask: async (client) => {
          const progress = new Progress(terminal);
          const result = { returned: 0, refused: [] as DeadLetter[] };
          const ids = await chosen(client, given, options);
          await inParts(ids, async (deadLetterIds, done) => {
            const call = { deadlineMs: callDeadlineMs };
            const part = await client.replayDeadLetters({ deadLetterIds }, call);
            requireKnown(given, part.unknownIds);
            result.returned += part.replayed;
            result.refused.push(...part.refused);
            progress.update(() => `${integer(done)} of ${counted(ids.length, noun)}`);
          });
          progress.clear();
          return result;
        },
        json: ({ returned, refused }) => ({ returned, refused: refused.map(letterJson) }),
        text: ({ returned, refused }) =>
          `${counted(returned, noun)} returned\n${refused.length === 0 ? "" : `\n${formatLetters(refused)}`}`,
        failure: ({ refused }) =>
          refused.length === 0 ? undefined : `${counted(refused.length, noun)} refused once more`,
      }),
    );
}

function dropCommand(terminal: Terminal): Command {
  return withChoice(
    new Command("drop")
      .description("drop dead letters; they stay in the table dead_letters for the record")
      .argument("[id...]", "their ids, or the first 6 digits or more of each"),
  )
    .option("--yes", "really do it")
    .action((given: readonly string[], options: ChoiceOptions & { yes?: true }) =>
      answer(terminal, options, {
        ask: async (client) => {
          const ids = await chosen(client, given, options);
          if (options.yes !== true && ids.length > 0) {
            throw badInput(
              `${counted(ids.length, noun)} would be dropped and count nowhere; --yes does it`,
            );
          }
          let dropped = 0;
          await inParts(ids, async (deadLetterIds) => {
            const call = { deadlineMs: callDeadlineMs };
            const part = await client.dropDeadLetters({ deadLetterIds }, call);
            requireKnown(given, part.unknownIds);
            dropped += part.dropped;
          });
          return dropped;
        },
        json: (dropped) => ({ dropped }),
        text: (dropped) =>
          dropped === 0
            ? "there are no dead letters to drop\n"
            : `${counted(dropped, noun)} dropped\n`,
      }),
    );
}

function kindOption(): Option {
  return new Option("--kind <kind>", "only letters of this kind").choices(kinds);
}

function withChoice(command: Command): Command {
  return command.option("--all", "every dead letter").addOption(kindOption());
}

async function firstLetters(
  client: BanditClient,
  options: { kind?: string; limit: number },
): Promise<{ letters: DeadLetter[]; total: number; more: boolean }> {
  const found: DeadLetter[] = [];
  let total = 0;
  const filter = options.kind === undefined ? {} : { kind: options.kind };
  for await (const entry of eachLetter(client, filter)) {
    total = entry.total;
    if (found.length === options.limit) return { letters: found, total, more: true };
    found.push(entry.letter);
  }
  if (found.length === 0) total = Number((await client.listDeadLetters({ pageSize: 1 })).total);
  return { letters: found, total, more: false };
}

/** Ids of the letters that the arguments name. @throws CliError usage, not found */
async function chosen(
  client: BanditClient,
  given: readonly string[],
  options: ChoiceOptions,
): Promise<readonly string[]> {
  if (options.all !== true) {
    if (options.kind !== undefined) throw badInput("--kind goes with --all");
    if (given.length === 0) throw badInput("give the ids of dead letters, or --all");
    return idsOfPrefixes(client, given);
  }
  if (given.length > 0) throw badInput("give either ids or --all");
  const ids: string[] = [];
  const filter = options.kind === undefined ? {} : { kind: options.kind };
  for await (const { letter } of eachLetter(client, filter)) ids.push(letter.deadLetterId);
  return ids;
}

async function inParts(
  ids: readonly string[],
  work: (part: string[], done: number) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < ids.length; at += lettersPerCall) {
    const part = ids.slice(at, at + lettersPerCall);
    await work(part, at + part.length);
  }
}

/** With `--all`, a letter that somebody else has resolved meanwhile is no mistake. */
function requireKnown(given: readonly string[], unknownIds: readonly string[]): void {
  if (given.length === 0 || unknownIds.length === 0) return;
  throw new CliError(exitCodes.notFound, `no dead letter ${unknownIds.join(", ")}`);
}
