import { acceptFinite, alphaDefault, checkAlpha, type LevelOption } from "./comparison.ts";
import {
  atDecision,
  checkArm,
  checkArms,
  checkDecision,
  type RewardedDecision,
} from "./logged-decision.ts";
import { outOfRange, type Refusal, type Result, refusal, refuse } from "./result.ts";

export interface EqualityEProcessOptions {
  /** Names for messages, 2 to 1,000; an arm is its index here. */
  readonly arms: readonly string[];
  /** Indices of the two arms that are compared. */
  readonly treatment: number;
  readonly control: number;
}

export interface EqualityEvidence {
  /** Evidence against equality now; its mean is at most 1 while the arms are equal. At most 1.8e308: see the logarithm. */
  readonly eValue: number;
  readonly logEValue: number;
  /** Largest so far, at least 0. */
  readonly logEValueMax: number;
  /** 1 / the largest e-value so far, in (0,1]: valid at every look at once. Not below 5e-324. */
  readonly pValue: number;
  /** Whether the p-value has reached alpha. Once true it stays so. */
  readonly rejected: boolean;
  /** Rewards of each arm. */
  readonly treatmentN: number;
  readonly controlN: number;
}

/**
 * Rewards that the common mean is worth in each arm's prediction. Of 1, 2, 4, …, 64 the best or within five points
 * of the best one's power in six of seven settings; only small effects under fixed shares would like more.
 */
const sharedPriorWeight = 8;

interface ArmRewards {
  successes: number;
  failures: number;
}

/**
 * E-process for 0/1 rewards against "these two arms have the same mean", which may be looked at after every
 * decision, under any allocation that knows its propensities: it bets on which arm was served, given the reward.
 *
 *     E_t = Π q_i(W_i, Y_i) / (π_i q_i(a, Y_i) + (1 − π_i) q_i(b, Y_i)),   π = e(a) / (e(a) + e(b))
 *
 * over the decisions that served a or b; q_i(w, ·) predicts arm w's reward from the decisions before, by a
 * Beta–Bernoulli plug-in around the common mean.
 *
 * Proof. Given the past and that one of the two is served, the arm is a with probability π_i, drawn without
 * regard to what it will earn; with equal means the reward then says nothing about the arm, so given the reward too
 * it is a with probability π_i. The factor's mean is Σ_w π(w) q(w, Y) / Σ_w π(w) q(w, Y) = 1: a martingale from 1.
 * By Ville's inequality it ever reaches 1/alpha with probability at most alpha.
 *
 * So the means may move, as long as both move alike, and decisions of several contexts may be mixed. It is the
 * model-X test of conditional independence of Grünwald, Henzi & Lardy (JASA 2023, arXiv:2209.12637). Refused,
 * with the measurements in docs/concepts/adaptive-inference.md: universal inference (Wasserman, Ramdas &
 * Balakrishnan, PNAS 2020), which needs no propensities but has a third of the power under Thompson sampling and
 * rejects in nine runs of ten when both means move; the two-sample e-values of Turner, Ly & Grünwald (2024),
 * which need blocks of a fixed make-up that a bandit does not give, and have as little power when fed with pairs.
 *
 * Push every decision once, in the order of the decisions. Anything that cannot be a logged decision makes every
 * result a refusal that names the first. Memory: O(1).
 */
export class EqualityEProcess {
  readonly #options: EqualityEProcessOptions;
  readonly #treatment: ArmRewards = { successes: 0, failures: 0 };
  readonly #control: ArmRewards = { successes: 0, failures: 0 };
  #logEValue = 0;
  #logEValueMax = 0;
  #decisions = 0;
  #refusal: Refusal | undefined;

  constructor(options: EqualityEProcessOptions) {
    this.#options = options;
    this.#refusal = checkOptions(options);
  }

  /**
   * Decisions that served another arm change nothing. Rewards other than 0 and 1 are refused.
   * @returns the refusal that every result will be, so that a reader can stop; undefined while all is well.
   */
  push(decision: RewardedDecision): Refusal | undefined {
    if (this.#refusal !== undefined) return this.#refusal;
    const problem = checkDecision(decision, this.#options.arms) ?? checkReward(decision.reward);
    if (problem !== undefined) {
      this.#refusal = atDecision(this.#decisions, problem);
      return this.#refusal;
    }
    this.#decisions += 1;
    const { treatment, control } = this.#options;
    if (decision.arm === treatment) this.#bet(decision, this.#treatment, this.#control, control);
    if (decision.arm === control) this.#bet(decision, this.#control, this.#treatment, treatment);
    return undefined;
  }

  result({ alpha = alphaDefault }: LevelOption = {}): Result<EqualityEvidence> {
    const problem = checkAlpha(alpha) ?? this.#refusal;
    if (problem !== undefined) return { ok: false, refusal: problem };
    const treatmentN = this.#treatment.successes + this.#treatment.failures;
    const controlN = this.#control.successes + this.#control.failures;
    if (treatmentN + controlN === 0) return refuse("empty", "the log has no reward of either arm");
    const pValue = Math.max(Math.exp(-this.#logEValueMax), Number.MIN_VALUE);
    return acceptFinite({
      eValue: Math.min(Math.exp(this.#logEValue), Number.MAX_VALUE),
      logEValue: this.#logEValue,
      logEValueMax: this.#logEValueMax,
      pValue,
      rejected: pValue <= alpha,
      treatmentN,
      controlN,
    });
  }

  #bet(
    { propensities, arm, reward }: RewardedDecision,
    served: ArmRewards,
    other: ArmRewards,
    otherArm: number,
  ): void {
    const servedPropensity = propensities[arm] as number;
    const share = servedPropensity / (servedPropensity + (propensities[otherArm] as number));
    const outcome = reward === 1 ? "successes" : "failures";
    const common = prediction({
      successes: served.successes + other.successes,
      failures: served.failures + other.failures,
    })[outcome];
    const own = around(common, served, outcome);
    const mixed = share * own + (1 - share) * around(common, other, outcome);
    this.#logEValue += Math.log(own / mixed);
    this.#logEValueMax = Math.max(this.#logEValueMax, this.#logEValue);
    served[outcome] += 1;
  }
}

/** Predictive probabilities after these rewards, both above 0 (Krichevsky & Trofimov 1981). */
function prediction({ successes, failures }: ArmRewards): ArmRewards {
  const n = successes + failures + 1;
  return { successes: (successes + 0.5) / n, failures: (failures + 0.5) / n };
}

function around(common: number, rewards: ArmRewards, outcome: keyof ArmRewards): number {
  const n = rewards.successes + rewards.failures;
  return (rewards[outcome] + sharedPriorWeight * common) / (n + sharedPriorWeight);
}

function checkOptions({ arms, treatment, control }: EqualityEProcessOptions): Refusal | undefined {
  const problem = checkArms(arms) ?? checkArm(treatment, arms) ?? checkArm(control, arms);
  if (problem !== undefined || treatment !== control) return problem;
  return outOfRange(`${arms[treatment]} is the control itself`);
}

function checkReward(reward: number): Refusal | undefined {
  if (reward === 0 || reward === 1) return undefined;
  if (!Number.isFinite(reward)) return refusal("not_finite", `the reward is ${reward}`);
  return outOfRange(`the reward ${reward} is neither 0 nor 1`);
}
