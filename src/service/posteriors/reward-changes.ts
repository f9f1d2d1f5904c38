import { ExpectedRewards } from "../../bandit/expected-rewards.ts";
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
  readonly #detector = new PageHinkley();
  last: RewardChange | undefined;

  /** @returns the first alarm that `weight` outcomes of mean `value` raise */
  push(
    { tolerance, threshold }: ChangeDetection,
    value: number,
    weight: number,
    expected?: number,
  ): PageHinkleyAlarm | undefined {
    this.#detector.options = { ...pageHinkleyDefaults, tolerance, threshold };
    let alarm: PageHinkleyAlarm | undefined;
    for (let left = weight; left > 0; left -= 1) {
      alarm ??= this.#detector.push(value, Math.min(left, 1), expected);
    }
    return alarm;
  }
}

/** An agent type as a whole: what its outcomes earn beside what their arms, code types and hours let expect. */
class FollowedAgentType extends FollowedMean {
  readonly expected = new ExpectedRewards();
}

/**
 * Watches the mean reward of every arm and of every agent type as a whole (over its arms and code types) for
 * changes, from what is announced of their totals; so every replica sees the outcomes of all. The agent type's mean is
 * compared with what the arms, code types and hours of its outcomes earned before: another mix of tasks is no change. Begins anew with
 * the process. What a rating adds to a test run counts as an outcome of its own, of its own weight; a replaced
 * value is left out. Rewards outside [0,1] are not watched.
 */
export class RewardChanges {
  readonly #deps: FollowedMeanDependencies;
  /** By {@link armName}. */
  readonly #arms = new Map<string, FollowedMean>();
  readonly #agentTypes = new Map<AgentType, FollowedAgentType>();

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
    if (!(value >= 0 && value <= 1)) return;
    const seen = Math.min(weight, weightMax);
    // Each by its own policy: an override that is switched off says nothing about the agent type as a whole.
    const ofArm = policyFor(entry, arm.codeType).policy.changeDetection;
    if (ofArm.threshold > 0) {
      const mean = entryOf(this.#arms, armName(arm), () => new FollowedMean());
      this.#report("arm", arm, mean, mean.push(ofArm, value, seen));
    }
    const ofAgentType = entry.policy.policy.changeDetection;
    if (ofAgentType.threshold > 0) {
      const mean = entryOf(this.#agentTypes, arm.agentType, () => new FollowedAgentType());
      const atMs = this.#deps.clock.nowMs();
      const outcome = { cell: armName(arm), atMs, reward: value, weight: seen };
      const alarm = mean.push(ofAgentType, value, seen, mean.expected.push(outcome));
      if (alarm !== undefined) mean.expected.restart();
      this.#report("agent_type", arm, mean, alarm);
    }
  }

  ofArm(arm: ArmKey): RewardChange | undefined {
    return this.#arms.get(armName(arm))?.last;
  }

  ofAgentType(agentType: AgentType): RewardChange | undefined {
    return this.#agentTypes.get(agentType)?.last;
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
}

function entryOf<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

function withoutRounding(value: number): number {
  const nearest = Math.min(Math.max(value, 0), 1);
  return Math.abs(value - nearest) <= roundingMax ? nearest : value;
}

/** No part can hold a bar. */
function armName({ agentType, codeType, variantId }: ArmKey): string {
  return `${agentType}|${codeType}|${variantId}`;
}
