import type { PosteriorDifference, RebuildSummary } from "../../client/index.ts";
import { counted, integer } from "./progress.ts";
import { formatTable } from "./table.ts";

/** What a rebuild has told. */
export interface RebuildResult {
  readonly check: boolean;
  readonly summary: RebuildSummary;
  /** The first ones. */
  readonly differences: readonly PosteriorDifference[];
  readonly differencesLeftOut: number;
}

/** Digits that a column holds with sign and exponent; numbers that look the same get more. */
const digits = 8;
const digitsMost = 12;

/** The differences as a table of at most 100 columns, and the result of the rebuild. */
export function formatRebuild(result: RebuildResult): string {
  const { check, summary, differences, differencesLeftOut } = result;
  const lines: string[] = [];
  if (differences.length > 0) {
    lines.push(
      formatTable(
        [
          { title: "code type", widthMax: 15 },
          { title: "variant", widthMax: 28 },
          { title: "field", widthMax: 21 },
          { title: "live", align: "right", widthMax: 14 },
          { title: "recomputed", align: "right", widthMax: 14 },
        ],
        differences.map((one) => [one.codeType, one.variantId, one.field, ...formatPair(one)]),
      ),
    );
  }
  if (differencesLeftOut > 0) lines.push(`… and ${integer(differencesLeftOut)} more.\n`);
  lines.push(check ? formatCheck(result) : formatRepair(result));
  if (summary.armsBeyondLog > 0) {
    lines.push(
      `${counted(summary.armsBeyondLog, "arm")} not compared: they know of more generations than the event log ` +
        "still has,\nbecause it deletes old events.\n",
    );
  }
  return lines.join("");
}

/** Why the command did not succeed; undefined when it did. */
export function rebuildFailure({ check, summary, differences }: RebuildResult): string | undefined {
  const { arms, armsDifferent, armsUnsettled, armsBeyondLog, armsWithoutEvents, deadLetters } =
    summary;
  const failures: string[] = [];
  const lacking = check ? Math.max(lackingArms(differences) - armsWithoutEvents, 0) : 0;
  const curable = armsDifferent - armsWithoutEvents - lacking;
  if (lacking > 0) {
    failures.push(
      `${integer(lacking)} of ${counted(arms, "arm")} learned from more generations than the event log has: events wait in a ` +
        "spill, are dead letters, went to another event log or were lost. Do not rebuild before they are found: it would " +
        "unlearn those generations, and is refused unless forced",
    );
  }
  if (curable > 0 && lacking > 0) {
    failures.push(`${counted(curable, "other arm")} differ from the event log`);
  } else if (check && curable > 0) {
    failures.push(
      `${integer(curable)} of ${counted(arms, "arm")} differ from the event log; ` +
        (deadLetters > 0
          ? `${counted(deadLetters, "dead letter")} may be why: return or drop them first, see \`banditd dead-letters list\``
          : "`banditd rebuild` puts them right"),
    );
  }
  if (armsWithoutEvents > 0) {
    failures.push(
      `the event log has nothing of ${integer(armsWithoutEvents)} of ${counted(arms, "arm")}: it was emptied, ` +
        `is another one or has deleted all of theirs; ${check ? "a rebuild leaves them as they are" : "they were left as they are"}`,
    );
  }
  if (armsBeyondLog > 0 && armsBeyondLog === arms) {
    failures.push(
      `nothing was ${check ? "compared" : "put right"}: every arm knows of more than the event log still has`,
    );
  }
  if (armsUnsettled > 0) {
    failures.push(
      `${counted(armsUnsettled, "arm")} changed all the time and could not be ${check ? "compared" : "put right"}; ` +
        "try again when fewer outcomes come in",
    );
  }
  return failures.length === 0 ? undefined : failures.join("\n");
}

/** Arms of which the state store knows more generations than the event log. */
function lackingArms(differences: RebuildResult["differences"]): number {
  return differences.filter((one) => one.field === "generations" && one.live > one.recomputed)
    .length;
}

function formatCheck({ summary }: RebuildResult): string {
  const { arms, armsDifferent, armsUnsettled, armsBeyondLog } = summary;
  const same = arms - armsDifferent - armsUnsettled - armsBeyondLog;
  return `${integer(same)} of ${counted(arms, "arm")} agree with the event log. ${read(summary.eventsRead)}\n`;
}

function formatRepair({ summary }: RebuildResult): string {
  const { arms, armsReplaced, decisionsRestored, ledgersRestored } = summary;
  return (
    `${integer(armsReplaced)} of ${counted(arms, "arm")} put right. ${read(summary.eventsRead)}\n` +
    `${counted(Number(decisionsRestored), "decision")} and the contributions of ` +
    `${counted(Number(ledgersRestored), "generation")} put back.\n`
  );
}

function read(events: bigint): string {
  return `${counted(Number(events), "event")} read.`;
}

function formatPair({ live, recomputed }: PosteriorDifference): [string, string] {
  for (let precision = digits; ; precision += 1) {
    const pair = [live, recomputed].map((value) => String(Number(value.toPrecision(precision))));
    if (pair[0] !== pair[1] || precision === digitsMost) return pair as [string, string];
  }
}
