import { invariant } from "../../domain/errors.ts";
import type { AgentType, CodeType, VariantId } from "../../domain/ids.ts";
import type { ArmTotals } from "../../ports/state-store.ts";
import { decodeRewardTotals, encodeRewardTotals } from "./reward-totals-codec.ts";

/** Words of a line on the channel with a context: group, variant id, seven numbers and the sums. */
const wordsWithContext = 10;
const lineBreak = 0x0a;

/** Totals of one arm from `<agent>|<code>`, the variant id and what is stored under it. */
export function parseTotals(group: string, variantId: string, stored: Buffer): ArmTotals {
  const bar = group.indexOf("|");
  invariant(bar > 0 && variantId !== "", `totals of no arm: ${group} ${variantId}`);
  return {
    agentType: group.slice(0, bar) as AgentType,
    codeType: group.slice(bar + 1) as CodeType,
    variantId: variantId as VariantId,
    ...decodeRewardTotals(stored),
  };
}

/**
 * A message on the channel: one change a line, `<agent>|<code> <variant id> <totals>`, the totals as they are
 * stored, but the packed sums of a context in base64 after a space, so that a message is text.
 */
export function parseTotalsMessage(message: string): ArmTotals[] {
  return message.split("\n").map((line) => {
    const [group = "", variantId = "", ...words] = line.split(" ");
    const sums = words.length === wordsWithContext - 2 ? words.pop() : undefined;
    const text = Buffer.from(words.join(" ") + (sums === undefined ? "" : "\n"), "latin1");
    const stored = sums === undefined ? text : Buffer.concat([text, Buffer.from(sums, "base64")]);
    return parseTotals(group, variantId, stored);
  });
}

/** What {@link parseTotalsMessage} reads. */
export function formatTotalsMessage(changed: readonly ArmTotals[]): string {
  return changed
    .map((arm) => `${arm.agentType}|${arm.codeType} ${arm.variantId} ${totalsWords(arm)}`)
    .join("\n");
}

function totalsWords(arm: ArmTotals): string {
  const stored = encodeRewardTotals(arm);
  const textEnd = stored.indexOf(lineBreak);
  if (textEnd === -1) return stored.toString("latin1");
  return `${stored.toString("latin1", 0, textEnd)} ${stored.toString("base64", textEnd + 1)}`;
}
