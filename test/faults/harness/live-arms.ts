import type { BanditClient } from "../../../src/client/index.ts";
import { agentTypeRules } from "./agent-types.ts";
import type { LiveArm } from "./verdict.ts";

/** Alpha and beta of an arm of which nothing is known. */
const priorAlpha = 1;

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
          reward: arm.alpha - priorAlpha,
          weight: arm.effectiveWeight,
          generations: Number(arm.generations),
          position: allocation?.forgettingPosition ?? 0,
        });
      }
    }
  }
  return live;
}
