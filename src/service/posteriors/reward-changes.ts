import {
  PageHinkley,
  type PageHinkleyAlarm,
  pageHinkleyDefaults,
} from "../../bandit/page-hinkley.ts";
import { type RewardTotals, totalsAt } from "../../domain/contribution.ts";
import type { AgentType } from "../../domain/ids.ts";
import type { ChangeDetection } from "../../domain/policy.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ArmKey } from "../../ports/state-store.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import type { RewardChange } from "../api/decisions.ts";
import type { CatalogueCache } from "../catalogue/catalogue-cache.ts";
import { policyFor } from "../catalogue/catalogue-view.ts";

/** Weight of one announcement that is looked at: what comes at once beyond that says no more about a moment. */
const weightMax = 1_000;
/** A reward is the difference of two sums: one of 1 comes out as 1.0000000000000002 as often as as less. */
const roundingMax = 1e-6;

interface FollowedMeanDependencies {
  readonly catalogue: CatalogueCache;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
}

class FollowedMean {
  #detector: PageHinkley | undefined;
  #options: ChangeDetection | undefined;
  last: RewardChange | undefined;

  /** @returns the first alarm that `weight` outcomes of mean `value` raise */
  push(options: ChangeDetection, value: number, weight: number): PageHinkleyAlarm | undefined {
    if (options !== this.#options) {
      const { tolerance, threshold } = options;
      this.#detector = new PageHinkley(
        { ...pageHinkleyDefaults, tolerance, threshold },
        this.#detector?.state(),
      );
      this.#options = options;
    }
    let alarm: PageHinkleyAlarm | undefined;
    for (let left = weight; left > 0; left -= 1) {
      alarm ??= this.#detector?.push(value, Math.min(left, 1));
    }
    return alarm;
  }
}

/**
 * Watches the mean reward of every arm and of every agent type as a whole (over its arms and code types) for
 * changes, from what is announced of their totals; so every replica sees the outcomes of all. Begins anew with
 * the process. What a rating adds to a test run counts as an outcome of its own, of its own weight; a replaced
 * value is left out. Rewards outside [0,1] are not watched.
 */
export class RewardChanges {
  readonly #deps: FollowedMeanDependencies;
  /** By {@link armName}, and by the agent type's own name. */
  readonly #means = new Map<string, FollowedMean>();

  constructor(dependencies: FollowedMeanDependencies) {
    this.#deps = dependencies;
  }

  /** Totals of one arm have changed; both refer to the forgetting of the same agent type. */
  observe(arm: ArmKey, before: RewardTotals, after: RewardTotals): void {
    const entry = this.#deps.catalogue.view.findAgentType(arm.agentType);
    if (entry === undefined) return;
    const known = totalsAt(before, after.position);
    const weight = after.weight - known.weight;
    if (!(weight > 1e-9)) return;
    const value = withoutRounding((after.reward - known.reward) / weight);
    const seen = Math.min(weight, weightMax);
    // Each by its own policy: an override that is switched off says nothing about the agent type as a whole.
    const ofArm = policyFor(entry, arm.codeType).policy.changeDetection;
    if (ofArm.threshold > 0) {
      const mean = this.#meanOf(armName(arm));
      this.#report("arm", arm, mean, mean.push(ofArm, value, seen));
    }
    const ofAgentType = entry.policy.policy.changeDetection;
    if (ofAgentType.threshold > 0) {
      const mean = this.#meanOf(arm.agentType);
      this.#report("agent_type", arm, mean, mean.push(ofAgentType, value, seen));
    }
  }

  ofArm(arm: ArmKey): RewardChange | undefined {
    return this.#means.get(armName(arm))?.last;
  }

  ofAgentType(agentType: AgentType): RewardChange | undefined {
    return this.#means.get(agentType)?.last;
  }

  #report(
    scope: "arm" | "agent_type",
    arm: ArmKey,
    mean: FollowedMean,
    alarm: PageHinkleyAlarm | undefined,
  ): void {
    if (alarm === undefined) return;
    const { clock, telemetry, logger } = this.#deps;
    const { direction, meanBefore, meanSince } = alarm;
    mean.last = { noticedAtMs: clock.nowMs(), meanBefore, meanSince };
    telemetry.count("bandit_reward_changes_total", { scope, direction });
    const { agentType, codeType, variantId } = arm;
    const whose = scope === "arm" ? { agentType, codeType, variantId } : { agentType };
    const fields = { ...whose, scope, direction, meanBefore, meanSince };
    if (direction === "decrease") logger.warn("a mean reward has dropped", fields);
    else logger.info("a mean reward has risen", fields);
  }

  #meanOf(name: string): FollowedMean {
    let mean = this.#means.get(name);
    if (mean === undefined) {
      mean = new FollowedMean();
      this.#means.set(name, mean);
    }
    return mean;
  }
}

function withoutRounding(value: number): number {
  const nearest = Math.min(Math.max(value, 0), 1);
  return Math.abs(value - nearest) <= roundingMax ? nearest : value;
}

/** No part can hold a bar. */
function armName({ agentType, codeType, variantId }: ArmKey): string {
  return `${agentType}|${codeType}|${variantId}`;
}
