import { contextLengthMax, defaultRewardComponent } from "../domain/contribution.ts";
import type { FieldViolation } from "../domain/errors.ts";
import type { LinearFeature, Policy, RewardSpec } from "../domain/policy.ts";
import { type AlgorithmParameter, algorithmParameters } from "../domain/policy-defaults.ts";
import { shapeMin } from "./posterior.ts";
import { costPenaltyComponent, latencyPenaltyComponent } from "./reward.ts";

const componentsMax = 32;
/** Ten weights of 0.1 add up to a little more than 1. */
const weightTolerance = 1e-9;
const refreshIntervalMsMax = 3_600_000;
const attributionWindowSecondsMax = 90 * 86_400;
const forgettingHalfLifeSecondsMax = 3650 * 86_400;
const sharedPriorStrengthMaxMax = 1000;

/**
 * Every rule that a policy must obey, from callers and from stores alike. Empty when it obeys them all; otherwise one entry
 * for each broken rule, its field given as the path in the proto message, e.g.
 * `policy.reward.components[2].weight`. NaN breaks every rule about a number.
 */
export function validatePolicy(policy: Policy): FieldViolation[] {
  const violations: FieldViolation[] = [];
  const check: Check = (holds, field, description) => {
    if (!holds) violations.push({ field: `policy.${field}`, description });
  };
  const within = (value: number, [min, max]: Range, field: string, range: string): void =>
    check(isWithin(value, min, max), field, `must be from ${range}`);
  checkAlgorithm(policy, check);
  checkReward(policy.reward, check);
  checkUnbounded(policy, check);
  const { priorAlpha, priorBeta, refreshIntervalMs, attributionWindowSeconds } = policy;
  const { forgettingHalfLifeSeconds, defaultReward = 0, sharedPriorStrengthMax } = policy;
  const shapes: Range = [shapeMin, 1e6];
  within(policy.explorationShare, [0, 0.5], "exploration_share", "0 to 0.5");
  within(policy.holdoutShare, [0, 0.5], "holdout_share", "0 to 0.5");
  within(priorAlpha, shapes, "prior_alpha", `${shapeMin} to 1,000,000`);
  within(priorBeta, shapes, "prior_beta", `${shapeMin} to 1,000,000`);
  within(refreshIntervalMs, [0, refreshIntervalMsMax], "refresh_interval", "0 to 1 hour");
  const windows: Range = [1, attributionWindowSecondsMax];
  within(attributionWindowSeconds, windows, "attribution_window", "1 second to 90 days");
  if (forgettingHalfLifeSeconds !== 0) {
    const halfLives: Range = [1, forgettingHalfLifeSecondsMax];
    within(forgettingHalfLifeSeconds, halfLives, "forgetting_half_life", "1 second to 10 years");
  }
  within(defaultReward, [0, 1], "default_reward", "0 to 1");
  const strengths: Range = [0, sharedPriorStrengthMaxMax];
  within(sharedPriorStrengthMax, strengths, "shared_prior_strength_max", "0 to 1,000");
  check(
    sharedPriorStrengthMax === 0 || !policy.reward.components.some(({ unbounded }) => unbounded),
    "shared_prior_strength_max",
    "must be 0 with unbounded rewards: code types share rewards in [0,1] only",
  );
  const { tolerance, threshold } = policy.changeDetection;
  within(tolerance, [0, 1], "change_detection.tolerance", "0 to 1");
  within(threshold, [0, 1e6], "change_detection.threshold", "0 to 1,000,000");
  return violations;
}

/** A Beta posterior, and an index made for rewards in [0,1], know nothing of rewards outside. */
function checkUnbounded({ algorithm, reward }: Policy, check: Check): void {
  if (algorithm.kind === "gaussian_thompson" || algorithm.kind === "linear_thompson") return;
  reward.components.forEach(({ unbounded }, index) => {
    check(
      !unbounded,
      `reward.components[${index}].unbounded`,
      "is for the algorithms gaussian_thompson and linear_thompson only",
    );
  });
}

type Range = readonly [min: number, max: number];
type Check = (holds: boolean, field: string, description: string) => void;

function checkAlgorithm({ algorithm }: Policy, check: Check): void {
  const parameters: Readonly<Record<string, AlgorithmParameter>> =
    algorithmParameters[algorithm.kind];
  const values = algorithm as unknown as Readonly<Record<string, number>>;
  for (const [name, { min, max }] of Object.entries(parameters)) {
    const value = values[name] ?? Number.NaN;
    const field = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const from = min === Number.MIN_VALUE ? "above 0 and at most" : `from ${numberText(min)} to`;
    const description = `must be ${from} ${numberText(max)}`;
    check(isWithin(value, min, max), `algorithm.${algorithm.kind}.${field}`, description);
  }
  if (algorithm.kind === "linear_thompson") checkFeatures(algorithm.features, check);
}

/** 1,000,000, but 10^12 and 10^-6. */
function numberText(value: number): string {
  const exponent = Math.log10(value);
  const isPower = Number.isInteger(exponent) && (exponent < -1 || exponent > 6);
  return isPower ? `10^${exponent}` : value.toLocaleString("en");
}

function checkFeatures(features: readonly LinearFeature[], check: Check): void {
  const path = "algorithm.linear_thompson.features";
  const most = contextLengthMax - 1;
  check(isWithin(features.length, 1, most), path, `must have 1 to ${most} entries`);
  const seen = new Set<string>();
  features.forEach(({ name, mean, scale }, index) => {
    const entry = `${path}[${index}]`;
    check(isWithin(name.length, 1, 64), `${entry}.name`, "must have 1 to 64 characters");
    check(!seen.has(name), `${entry}.name`, "must be distinct; an earlier feature has it");
    check(Number.isFinite(mean), `${entry}.mean`, "must be a finite number");
    check(scale > 0 && Number.isFinite(scale), `${entry}.scale`, "must be above 0 and finite");
    seen.add(name);
  });
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
    check(
      metric !== defaultRewardComponent,
      `${path}.metric`,
      "is the name of the default reward; set default_reward instead",
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
