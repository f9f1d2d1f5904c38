import { Command } from "commander";
import {
  type BanditClient,
  type PosteriorDifference,
  PosteriorDifferenceSchema,
  type RebuildProgress,
  type RebuildSummary,
  RebuildSummarySchema,
} from "../../client/index.ts";
import {
  type AnswerOptions,
  addAnswerOptions,
  answer,
  messageJson,
  required,
} from "../command-frame.ts";
import type { Terminal } from "../terminal.ts";
import { integer, Progress } from "../text/progress.ts";
import { formatRebuild, type RebuildResult, rebuildFailure } from "../text/rebuild-text.ts";

/** A day: a log of years is read in hours. */
const deadlineMs = 86_400_000;
/** Differences that are kept to be printed. */
const differencesMax = 10_000;

interface RebuildOptions extends AnswerOptions {
  readonly check?: boolean;
  readonly agentType?: string;
  readonly force?: boolean;
}

export function rebuildCommand(terminal: Terminal): Command {
  const command = new Command("rebuild")
    .description("recompute every posterior from the event log and correct the live ones")
    .option("--check", "only compare, change nothing; exits with 1 on any difference")
    .option("--agent-type <name>", "only this agent type")
    .option("--force", "also unlearn generations that the event log lacks")
    .addHelpText(
      "after",
      `
Decisions and contributions of generations that outcomes may still come for are put back first, then
the posteriors. Agents may go on meanwhile, and it may be cut off and begun again. Refills an empty
Redis: see docs/operating/backup-and-restore.md. Where arms have learned from generations that the
event log lacks, it changes nothing and says how many; --force takes the event log for the truth.

Examples:
  banditd rebuild --check
  banditd rebuild --agent-type evolution`,
    );
  return addAnswerOptions(command, "differences and summary").action((options: RebuildOptions) =>
    answer(terminal, options, {
      ask: (client) => rebuild(client, options, terminal),
      json: rebuildJson,
      text: formatRebuild,
      failure: rebuildFailure,
    }),
  );
}

async function rebuild(
  client: BanditClient,
  options: RebuildOptions,
  terminal: Terminal,
): Promise<RebuildResult> {
  const { check = false, force = false, agentType = "" } = options;
  const progress = new Progress(terminal);
  const differences: PosteriorDifference[] = [];
  let differencesLeftOut = 0;
  let summary: RebuildSummary | undefined;
  for await (const { step } of client.rebuild({ check, force, agentType }, { deadlineMs })) {
    if (step.case === "progress") progress.update(() => describe(step.value));
    if (step.case === "summary") summary = step.value;
    if (step.case !== "difference") continue;
    if (differences.length < differencesMax) differences.push(step.value);
    else differencesLeftOut += 1;
  }
  progress.clear();
  return { check, summary: required(summary, "a summary"), differences, differencesLeftOut };
}

function describe({ doing, groupsDone, groupsTotal, eventsRead }: RebuildProgress): string {
  const groups = `${integer(groupsDone)} of ${integer(groupsTotal)} code types`;
  return `${groups}, ${integer(Number(eventsRead))} events read: ${doing}`;
}

function rebuildJson({ check, summary, differences, differencesLeftOut }: RebuildResult): object {
  return {
    check,
    differences: differences.map(messageJson(PosteriorDifferenceSchema)),
    differences_left_out: differencesLeftOut,
    summary: messageJson(RebuildSummarySchema)(summary),
  };
}
