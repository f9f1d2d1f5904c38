import { badInput } from "../exit-code.ts";
import type { LogJson } from "../text/comparison-report.ts";
import type { ComparedDecision, DecisionSource } from "./decision-source.ts";
import type { MissingReward } from "./log-source.ts";

/** What of a log goes into a comparison. */
export interface ComparisonLog {
  readonly level: number;
  readonly missing: MissingReward;
  readonly control: string;
  /** Empty: every other arm of the log. */
  readonly treatments: readonly string[];
}

export interface ReadingCounts
  extends Pick<
    LogJson,
    | "decisions"
    | "decisions_not_drawn"
    | "decisions_without_reward"
    | "decisions_window_open"
    | "rewards"
  > {}

/**
 * Hands out every decision for which an arm was drawn, with the reward that counts: with `zero`, 0 where none is
 * known, and none at all while the attribution window is open, whether one is known or not: who has answered
 * already depends on the arm.
 */
export async function readDecisions(
  source: DecisionSource,
  missing: MissingReward,
  take: (decision: ComparedDecision, reward: number | undefined) => void,
): Promise<ReadingCounts> {
  const counts = { decisions: 0, withoutReward: 0, windowOpen: 0 };
  let rewards: LogJson["rewards"] = "binary";
  const { notDrawn } = await source.read((decision) => {
    counts.decisions += 1;
    if (decision.windowIsOpen) counts.windowOpen += 1;
    const isLeftOut = missing === "zero" && decision.windowIsOpen;
    if (!isLeftOut && decision.reward === undefined) counts.withoutReward += 1;
    const reward = isLeftOut
      ? undefined
      : (decision.reward ?? (missing === "zero" ? 0 : undefined));
    if (reward !== undefined && reward !== 0 && reward !== 1 && rewards !== "out_of_range") {
      rewards = reward > 0 && reward < 1 ? "in_range" : "out_of_range";
    }
    take(decision, reward);
  });
  return {
    decisions: counts.decisions,
    decisions_not_drawn: notDrawn,
    decisions_without_reward: counts.withoutReward,
    decisions_window_open: counts.windowOpen,
    rewards,
  };
}

/** What a report says of the log that was read. */
export function logJson(
  name: string,
  { level, missing, control }: ComparisonLog,
  read: { readonly treatments: readonly string[]; readonly counts: ReadingCounts },
): LogJson {
  return { log: name, level, missing, control, treatments: read.treatments, ...read.counts };
}

/**
 * The treatments that were asked for, or every arm but the control, sorted.
 * @param arms those of the log
 * @throws CliError usage when the log has not the arms that were asked for
 */
export function treatmentsOf(
  { control, treatments }: ComparisonLog,
  arms: ReadonlySet<string>,
): readonly string[] {
  if (arms.size === 0) return treatments;
  const has = `the log has no such arm; it has: ${[...arms].sort().join(", ")}`;
  if (!arms.has(control)) throw badInput(`--control ${control}: ${has}`);
  const unknown = treatments.find((arm) => !arms.has(arm));
  if (unknown !== undefined) throw badInput(`--treatment ${unknown}: ${has}`);
  if (treatments.length > 0) return treatments;
  return [...arms].filter((arm) => arm !== control).sort();
}
