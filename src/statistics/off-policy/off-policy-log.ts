import { outOfRange, type Refusal, type Result, refuse } from "../result.ts";
import { type CandidatePolicy, checkShares } from "./candidate-policy.ts";
import { ContextSums } from "./context-sums.ts";
import { type EvaluateOptions, evaluate, type LogSums } from "./evaluate.ts";
import type { Evaluation } from "./evaluation.ts";
import { checkRow, type LoggedRow } from "./logged-row.ts";
import { WeightBins } from "./weight-bins.ts";
import { WeightMoments } from "./weight-moments.ts";

export interface OffPolicyOptions {
  readonly policy: CandidatePolicy;
  /** Folds of the cross-fitted reward model, 2 to 100; 5 if not given. Row i belongs to fold i mod folds. */
  readonly folds?: number;
  /** Strength with which a cell's mean is drawn to the arm's, in rows, above 0; 1 if not given. */
  readonly shrinkage?: number;
  /** Switch-DR corrects rows up to this weight, above 0; chosen from the log if not given. */
  readonly threshold?: number;
}

type Mutable<Sums> = { -readonly [Name in keyof Sums]: Sums[Name] };

const foldsDefault = 5;
const foldsMax = 100;
const shrinkageDefault = 1;
/** About 400 bytes each. */
const groupsMax = 500_000;
const contextsMax = 100_000;
/** Contexts times arms of the candidate: an evaluation looks at each pair, about 0.7 µs long. */
const pairsMax = 5_000_000;
const otherArmsMax = 100_000;

/**
 * A log that is read once, row by row, and kept as sums only: memory grows with the number of different
 * (context, arm, fold, half octave of the weight), at most half a million of them (200 MB), and not with the rows.
 * The order of the rows decides their folds, and nothing else.
 */
export class OffPolicyLog {
  readonly #policy: CandidatePolicy;
  readonly #bins: WeightBins;
  readonly #armIndexes: ReadonlyMap<string, number>;
  readonly #contexts = new Map<string, ContextSums>();
  readonly #otherArms = new Set<string>();
  readonly #sums: Mutable<Omit<LogSums, "contexts" | "otherArmCount">>;
  #groups = 0;
  #refusal: Refusal | undefined;

  constructor(options: OffPolicyOptions) {
    const { policy, folds = foldsDefault, shrinkage = shrinkageDefault, threshold } = options;
    this.#policy = policy;
    this.#refusal = checkOptions({ folds, shrinkage, threshold });
    const usableFolds = this.#refusal === undefined ? folds : foldsDefault;
    this.#bins = new WeightBins(threshold);
    this.#armIndexes = new Map(policy.arms.map((arm, index) => [arm, index]));
    const { thresholds } = this.#bins;
    this.#sums = {
      policyArms: policy.arms,
      armsServed: new Uint8Array(policy.arms.length),
      weights: new WeightMoments(),
      rewards: new WeightMoments(),
      shift: 0,
      rewardMin: Number.POSITIVE_INFINITY,
      rewardMax: Number.NEGATIVE_INFINITY,
      foldRows: new Float64Array(usableFolds),
      foldRewards: new Float64Array(usableFolds),
      shrinkage,
      thresholds,
      largestWeights: new Float64Array(thresholds.length),
      ...(threshold === undefined ? {} : { threshold }),
    };
  }

  /**
   * Takes one row in. After a row that cannot be used nothing more is taken in, and {@link evaluate} says why.
   * @returns that refusal, so that a reader can stop; undefined while all is well
   */
  add(row: LoggedRow): Refusal | undefined {
    this.#refusal ??= this.#add(row);
    return this.#refusal;
  }

  /** Every estimator's value with its interval, or why there is none. More rows may be added afterwards. */
  evaluate(options: EvaluateOptions = {}): Result<Evaluation> {
    if (this.#refusal !== undefined) return { ok: false, refusal: this.#refusal };
    if (this.#sums.weights.rows === 0) return refuse("empty", "the log has no rows");
    const contexts = [...this.#contexts.values()];
    return evaluate({ ...this.#sums, contexts, otherArmCount: this.#otherArms.size }, options);
  }

  #add(row: LoggedRow): Refusal | undefined {
    const sums = this.#sums;
    const number = sums.weights.rows + 1;
    const problem = checkRow(row, number);
    if (problem !== undefined) return problem;
    const context = this.#contexts.get(row.context) ?? this.#open(row.context);
    if (!(context instanceof ContextSums)) return context;
    if (number === 1) sums.shift = row.reward;
    const reward = row.reward - sums.shift;
    sums.rewardMin = Math.min(sums.rewardMin, row.reward);
    sums.rewardMax = Math.max(sums.rewardMax, row.reward);
    const fold = (number - 1) % sums.foldRows.length;
    (sums.foldRows[fold] as number) += 1;
    (sums.foldRewards[fold] as number) += reward;
    (context.foldRows[fold] as number) += 1;
    sums.rewards.add(1, reward);

    const arm = this.#armIndexes.get(row.arm);
    if (arm === undefined) {
      sums.weights.add(0, reward);
      this.#otherArms.add(row.arm);
      if (this.#otherArms.size <= otherArmsMax) return undefined;
      return outOfRange(
        `more than ${otherArmsMax} different arms; is the column of arms the right one?`,
      );
    }
    const weight = (context.shares[arm] as number) / Math.min(row.propensity, 1);
    const bin = this.#bins.binOf(weight);
    sums.weights.add(weight, reward);
    sums.armsServed[arm] = 1;
    sums.largestWeights[bin] = Math.max(sums.largestWeights[bin] as number, weight);
    if (context.add({ arm, fold, bin, weight, reward })) this.#groups += 1;
    if (this.#groups <= groupsMax) return undefined;
    return outOfRange(
      `more than ${groupsMax} combinations of context, arm, fold and weight; describe the context more coarsely`,
    );
  }

  #open(label: string): ContextSums | Refusal {
    if (this.#contexts.size >= contextsMax) {
      return outOfRange(`more than ${contextsMax} different contexts; describe them more coarsely`);
    }
    if ((this.#contexts.size + 1) * this.#policy.arms.length > pairsMax) {
      return outOfRange(
        `more than ${pairsMax} pairs of context and arm; describe the context more coarsely`,
      );
    }
    const shares = this.#policy.sharesIn(label);
    if (shares === undefined || shares.length !== this.#policy.arms.length) {
      return outOfRange(`the candidate policy says nothing about the context "${label}"`);
    }
    const problem = checkShares(shares, `context "${label}"`);
    if (problem !== undefined) return problem;
    const context = new ContextSums(shares, this.#sums.foldRows.length);
    this.#contexts.set(label, context);
    return context;
  }
}

function checkOptions(options: {
  readonly folds: number;
  readonly shrinkage: number;
  readonly threshold: number | undefined;
}): Refusal | undefined {
  const { folds, shrinkage, threshold } = options;
  if (!Number.isInteger(folds) || folds < 2 || folds > foldsMax) {
    return outOfRange(`folds must be a whole number from 2 to ${foldsMax}, not ${folds}`);
  }
  if (!(shrinkage > 0 && shrinkage < Number.POSITIVE_INFINITY)) {
    return outOfRange(`the shrinkage must be above 0, not ${shrinkage}`);
  }
  if (threshold === undefined || threshold > 0) return undefined;
  return outOfRange(`the threshold must be above 0, not ${threshold}`);
}
