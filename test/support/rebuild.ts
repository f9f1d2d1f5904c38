import { Redis } from "ioredis";
import type { RewardTotals } from "../../src/domain/contribution.ts";
import type { AgentType } from "../../src/domain/ids.ts";
import type { StateStore } from "../../src/ports/state-store.ts";
import type { BanditService } from "../../src/service/api/bandit-service.ts";
import type { RebuildStep, RebuildSummary } from "../../src/service/api/repair.ts";
import { callContext } from "./call-context.ts";

export interface RebuildOutcome {
  readonly summary: RebuildSummary;
  /** `<agent type> <code type> <variant> <field>`, sorted. */
  readonly differences: readonly string[];
  readonly steps: readonly RebuildStep[];
}

/** A whole rebuild. */
export async function rebuild(
  service: BanditService,
  request: { check: boolean; force?: boolean; agentType?: AgentType } = { check: false },
): Promise<RebuildOutcome> {
  const steps: RebuildStep[] = [];
  for await (const step of service.repair.rebuild(request, callContext)) steps.push(step);
  const last = steps.at(-1);
  if (last?.kind !== "summary") throw new Error("a rebuild ends with its summary");
  const differences = steps.flatMap((step) =>
    step.kind === "difference"
      ? [`${step.arm.agentType} ${step.arm.codeType} ${step.arm.variantId} ${step.field}`]
      : [],
  );
  return { summary: last, differences: differences.toSorted(), steps };
}

/** Totals by name of every arm that something was learned of, without their versions. */
export async function totalsByArm(state: StateStore): Promise<Map<string, RewardTotals>> {
  const arms = new Map<string, RewardTotals>();
  for await (const { agentType, codeType, variantId, totals } of state.listTotals()) {
    if (totals.generations > 0) arms.set(`${agentType} ${codeType} ${variantId}`, totals);
  }
  return new Map([...arms].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** As when its disk was lost. */
export async function emptyRedis(url: string): Promise<void> {
  const admin = new Redis(url);
  await admin.flushall();
  admin.disconnect();
}
