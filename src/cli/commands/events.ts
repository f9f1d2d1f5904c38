import { Command, Option } from "commander";
import type { BanditClient, DeadLetter } from "../../client/index.ts";
import { eachLetter, idsOfPrefixes } from "../dead-letters/choose-letters.ts";
import { badInput, CliError, exitCodes } from "../exit-code.ts";
import { wholeNumber } from "../parse-option.ts";
import {
  addConnectionOptions,
  type ConnectionOptions,
  withService,
} from "../service-connection.ts";
import { printJson, type Terminal } from "../terminal.ts";
import { formatLetter, formatLetters, letterJson } from "../text/letter-text.ts";
import { integer, Progress } from "../text/progress.ts";

const kinds = ["decisions", "generations", "outcomes", "spooled"];
/** Letters of one call, so that each call is answered soon and progress can be told. */
const lettersPerCall = 100;
const callDeadlineMs = 60_000;

interface CommonOptions extends ConnectionOptions {
  readonly json?: true;
}

interface ChoiceOptions extends CommonOptions {
  readonly all?: true;
  readonly kind?: string;
}

export function eventsCommand(terminal: Terminal): Command {
  const dead = new Command("dead").description(
    "what was acknowledged and then refused: list it, try it again, give it up",
  );
  for (const command of [
    listCommand(terminal),
    showCommand(terminal),
    replayCommand(terminal),
    dropCommand(terminal),
  ]) {
    dead.addCommand(addConnectionOptions(command.option("--json", "print JSON")));
  }
  return new Command("events").description("look after the events").addCommand(dead);
}

function listCommand(terminal: Terminal): Command {
  return new Command("list")
    .description("list dead letters")
    .addOption(kindOption())
    .option("--limit <count>", "most letters to list", wholeNumber(1, 1_000_000), 100)
    .action(async (options: CommonOptions & { kind?: string; limit: number }): Promise<void> => {
      const { letters, total, more } = await withService(options, terminal, (client) =>
        firstLetters(client, options),
      );
      if (options.json) {
        printJson(terminal, { total, dead_letters: letters.map(letterJson) });
        return;
      }
      if (letters.length === 0) {
        terminal.out(total === 0 ? "no dead letters\n" : "no dead letters of this kind\n");
        return;
      }
      terminal.out(formatLetters(letters));
      if (more) {
        terminal.err(
          `only the first ${options.limit} are shown, of ${integer(total)} of every kind; --limit shows more\n`,
        );
      }
    });
}

function showCommand(terminal: Terminal): Command {
  return new Command("show")
    .description("show one dead letter with its content")
    .argument("<id>", "its id, or the first 6 digits or more")
    .action(async (text: string, options: CommonOptions): Promise<void> => {
      const letter = await withService(options, terminal, async (client) => {
        const [deadLetterId = ""] = await idsOfPrefixes(client, [text]);
        return (await client.getDeadLetter({ deadLetterId })).deadLetter;
      });
      if (letter === undefined) return;
      if (options.json) printJson(terminal, letterJson(letter));
      else terminal.out(formatLetter(letter));
    });
}

function replayCommand(terminal: Terminal): Command {
  return withChoice(
    new Command("replay")
      .description("try dead letters again; those that are refused once more stay")
      .argument("[id...]", "their ids, or the first 6 digits or more of each"),
  )
    .addHelpText(
      "after",
      `
Exits with 1 when a letter was refused once more.

Examples:
  banditd events dead replay 3f9a21c07b44
  banditd events dead replay --all --kind outcomes`,
    )
    .action(async (given: readonly string[], options: ChoiceOptions): Promise<void> => {
      const progress = new Progress(terminal);
      let replayed = 0;
      const refused: DeadLetter[] = [];
      await withService(options, terminal, async (client) => {
        const ids = await chosen(client, given, options);
        await inParts(ids, async (deadLetterIds, done) => {
          const part = await client.replayDeadLetters(
            { deadLetterIds },
            { deadlineMs: callDeadlineMs },
          );
          requireKnown(given, part.unknownIds);
          replayed += part.replayed;
          refused.push(...part.refused);
          progress.update(() => `${integer(done)} of ${integer(ids.length)} dead letters`);
        });
      });
      progress.clear();
      if (options.json) printJson(terminal, { replayed, refused: refused.map(letterJson) });
      else terminal.out(`${counted(replayed)} replayed\n`);
      if (refused.length === 0) return;
      if (!options.json) terminal.out(`\n${formatLetters(refused)}`);
      throw new CliError(exitCodes.failed, `${counted(refused.length)} refused once more`);
    });
}

function dropCommand(terminal: Terminal): Command {
  return withChoice(
    new Command("drop")
      .description("give dead letters up; they stay in the table dead_letters for the record")
      .argument("[id...]", "their ids, or the first 6 digits or more of each"),
  )
    .option("--yes", "really do it")
    .action(
      async (given: readonly string[], options: ChoiceOptions & { yes?: true }): Promise<void> => {
        let dropped = 0;
        await withService(options, terminal, async (client) => {
          const ids = await chosen(client, given, options);
          if (options.yes !== true && ids.length > 0) {
            throw badInput(
              `${counted(ids.length)} would be given up and count nowhere; --yes does it`,
            );
          }
          await inParts(ids, async (deadLetterIds) => {
            const part = await client.dropDeadLetters(
              { deadLetterIds },
              { deadlineMs: callDeadlineMs },
            );
            requireKnown(given, part.unknownIds);
            dropped += part.dropped;
          });
        });
        if (options.json) printJson(terminal, { dropped });
        else {
          terminal.out(
            dropped === 0 ? "there are no dead letters to drop\n" : `${counted(dropped)} dropped\n`,
          );
        }
      },
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

function counted(count: number): string {
  return `${integer(count)} dead letter${count === 1 ? "" : "s"}`;
}
