import { invariant } from "../../domain/errors.ts";
import type { AgentType, CodeType, VariantId } from "../../domain/ids.ts";
import type { ArmTotals } from "../../ports/state-store.ts";

/** Totals of one arm from `<agent>|<code>`, the variant id and `reward weight generations version`. */
export function parseTotals(group: string, variantId: string, text: string): ArmTotals {
  const bar = group.indexOf("|");
  const numbers = text.split(" ").map(Number);
  const [reward, weight, generations, version] = numbers;
  invariant(
    bar > 0 && variantId !== "" && numbers.length === 4 && numbers.every(isSum),
    `totals of ${group} ${variantId} cannot be read: ${text}`,
  );
  return {
    agentType: group.slice(0, bar) as AgentType,
    codeType: group.slice(bar + 1) as CodeType,
    variantId: variantId as VariantId,
    totals: { reward, weight, generations } as ArmTotals["totals"],
    version: version as number,
  };
}

/** No total is negative, and none is infinite. */
function isSum(number: number): boolean {
  return number >= 0 && Number.isFinite(number);
}

/** A message on the channel: one change a line, `<agent>|<code> <variant id> <totals>`. */
export function parseTotalsMessage(message: string): ArmTotals[] {
  return message.split("\n").map((line) => {
    const [group = "", variantId = "", ...text] = line.split(" ");
    return parseTotals(group, variantId, text.join(" "));
  });
}

/** What {@link parseTotalsMessage} reads; JavaScript's shortest text of a double reads back as the same double. */
export function formatTotalsMessage(changed: readonly ArmTotals[]): string {
  return changed
    .map(({ agentType, codeType, variantId, totals, version }) => {
      const { reward, weight, generations } = totals;
      return `${agentType}|${codeType} ${variantId} ${reward} ${weight} ${generations} ${version}`;
    })
    .join("\n");
}
