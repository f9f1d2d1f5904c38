import type { RewardTotals } from "../domain/contribution.ts";
import type { AgentType, CodeType, VariantId } from "../domain/ids.ts";

export interface ArmKey {
  readonly agentType: AgentType;
  readonly codeType: CodeType;
  readonly variantId: VariantId;
}

export interface ArmTotals extends ArmKey {
  readonly totals: RewardTotals;
  /** One higher with every change of this arm's totals; a repair may leave some out. A higher version is newer. */
  readonly version: number;
}
