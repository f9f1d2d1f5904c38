import type { FieldViolation } from "../domain/errors.ts";
import type { Policy, RewardSpec } from "../domain/policy.ts";
import { shapeMin } from "./posterior.ts";
import { costPenaltyComponent, latencyPenaltyComponent } from "./reward.ts";

const componentsMax = 32;
/** Ten weights of 0.1 add up to a little more than 1. */
const weightTolerance = 1e-9;
const refreshIntervalMsMax = 3_600_000;
const attributionWindowSecondsMax = 90 * 86_400;

/**
 * Every rule that a policy must obey, whoever made it. Empty when it obeys them all; otherwise one entry
 * for each broken rule, its field given as the path in the proto message, e.g.
 * `policy.reward.components[2].weight`. NaN breaks every rule about a number.
 */
export function validatePolicy(policy: Policy): FieldViolation[] {
  const violations: FieldViolation[] = [];
  const check: Check = (holds, field, description) => {
    if (!holds) violations.push({ field: `policy.${field}`, description });
  };
  checkAlgorithm(policy, check);
  checkReward(policy.reward, check);
  check(isWithin(policy.minimumShare, 0, 1), "minimum_share", "must be from 0 to 1");
  check(isWithin(policy.holdoutShare, 0, 0.5), "holdout_share", "must be from 0 to 0.5");
  for (const [field, value] of [
    ["prior_alpha", policy.priorAlpha],
    ["prior_beta", policy.priorBeta],
  ] as const) {
    check(isWithin(value, shapeMin, 1e6), field, `must be from ${shapeMin} to 1,000,000`);
  }
  check(
    isWithin(policy.refreshIntervalMs, 0, refreshIntervalMsMax),
    "refresh_interval",
    "must be from 0 to 1 hour",
  );
  check(
    isWithin(policy.attributionWindowSeconds, 1, attributionWindowSecondsMax),
    "attribution_window",
    "must be from 1 second to 90 days",
  );
  return violations;
}

type Check = (holds: boolean, field: string, description: string) => void;

function checkAlgorithm({ algorithm }: Policy, check: Check): void {
  if (algorithm.kind !== "epsilon_greedy") return;
  check(
    isWithin(algorithm.epsilon, 0, 1),
    "algorithm.epsilon_greedy.epsilon",
    "must be from 0 to 1",
  );
  check(
    isWithin(algorithm.decayHalfLifeGenerations, 0, 1e12),
    "algorithm.epsilon_greedy.decay_half_life_generations",
    "must be from 0 to 10^12",
  );
}

function checkReward(reward: RewardSpec, check: Check): void {
  const { components } = reward;
  check(
    isWithin(components.length, 1, componentsMax),
    "reward.components",
    `must have 1 to ${componentsMax} entries`,
  );
  const seen = new Set<string>();
  let weightTotal = 0;
  components.forEach(({ metric, weight, min, max }, index) => {
    const path = `reward.components[${index}]`;
    check(/^[a-z][a-z0-9_]{0,63}$/.test(metric), `${path}.metric`, metricRule);
    check(
      metric !== costPenaltyComponent && metric !== latencyPenaltyComponent,
      `${path}.metric`,
      "is the name of a penalty; use cost_usd or duration_ms for the amount itself",
    );
    check(!seen.has(metric), `${path}.metric`, "must be distinct; an earlier component has it");
    check(weight > 0 && weight <= 1, `${path}.weight`, "must be above 0 and at most 1");
    check(
      Number.isFinite(min) && Number.isFinite(max) && max > min && Number.isFinite(max - min),
      `${path}.max`,
      "must be above min",
    );
    seen.add(metric);
    weightTotal += weight;
  });
  check(
    !(weightTotal > 1 + weightTolerance),
    "reward.components",
    "weights must add up to at most 1, so that one generation is never more than one sample",
  );
  check(isWithin(reward.costPenaltyPerUsd, 0, 1e6), "reward.cost_penalty_per_usd", penaltyRule);
  check(
    isWithin(reward.latencyPenaltyPerSecond, 0, 1e6),
    "reward.latency_penalty_per_second",
    penaltyRule,
  );
}

const metricRule = "must be 1 to 64 characters of a-z, 0-9 and _, starting with a letter";
const penaltyRule = "must be from 0 to 1,000,000";

function isWithin(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}
