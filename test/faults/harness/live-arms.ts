import type { BanditClient } from "../../../src/client/index.ts";
import { agentTypeRules } from "./agent-types.ts";
import type { LiveArm } from "./verdict.ts";

/** What a replica believes of every arm of these code types. */
export async function readLiveArms(
  client: BanditClient,
  codeTypes: readonly string[],
): Promise<LiveArm[]> {
  const live: LiveArm[] = [];
  for (const { agentType } of agentTypeRules) {
    for (const codeType of codeTypes) {
      const { allocation } = await client.getAllocation({ agentType, codeType });
      for (const arm of allocation?.arms ?? []) {
        live.push({
          agentType,
          codeType,
          variantId: arm.variantId,
          reward: arm.effectiveReward,
          weight: arm.effectiveWeight,
          generations: Number(arm.generations),
          position: allocation?.forgettingPosition ?? 0,
        });
      }
    }
  }
  return live;
}
