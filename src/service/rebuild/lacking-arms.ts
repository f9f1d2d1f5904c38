import { BanditError } from "../../domain/errors.ts";
import type { LearnedArm } from "../../ports/generation-log.ts";
import type { ArmKey, ArmTotals } from "../../ports/state-store.ts";

/** An arm that has learned from more generations than the event log has. */
export interface LackingArm extends ArmKey {
  readonly learned: number;
  readonly logged: number;
}

/**
 * @param live read before everything that was in the outbox then has reached the log
 * @param logged read after that, so that it has all of `live` unless events were lost or went elsewhere
 */
export function lackingArms(
  live: readonly ArmTotals[],
  logged: readonly LearnedArm[],
): readonly LackingArm[] {
  const generations = new Map(logged.map((arm) => [nameOf(arm), arm.generations]));
  return live.flatMap(({ agentType, codeType, variantId, totals: { generations: learned } }) => {
    const arm = { agentType, codeType, variantId };
    const inLog = generations.get(nameOf(arm)) ?? 0;
    return learned > inLog ? [{ ...arm, learned, logged: inLog }] : [];
  });
}

/** Of a repair that would unlearn what only the state store knows. */
export function logLacksGenerations(lacking: readonly LackingArm[]): BanditError {
  const learned = lacking.reduce((sum, arm) => sum + arm.learned, 0);
  const logged = lacking.reduce((sum, arm) => sum + arm.logged, 0);
  const most = lacking.reduce((a, b) => (b.learned - b.logged > a.learned - a.logged ? b : a));
  const arms = lacking.length === 1 ? "1 arm has" : `${lacking.length} arms have`;
  return new BanditError(
    "failed_precondition",
    `the event log has ${logged} of the ${learned} generations that ${arms} learned from, for example ${most.logged} of ` +
      `${most.learned} of ${most.variantId} for ${most.codeType}: a rebuild would unlearn the others. Nothing was changed. ` +
      "Look for their events in another event log, another machine's spill or a backup, or force the rebuild",
    {
      reason: "EVENT_LOG_LACKS_GENERATIONS",
      metadata: {
        arms: String(lacking.length),
        generations_learned: String(learned),
        generations_logged: String(logged),
      },
    },
  );
}

function nameOf({ agentType, codeType, variantId }: ArmKey): string {
  return `${agentType}|${codeType}|${variantId}`;
}
