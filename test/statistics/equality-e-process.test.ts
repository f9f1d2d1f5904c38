import { describe, expect, it } from "vitest";
import { EqualityEProcess } from "../../src/statistics/equality-e-process.ts";
import type { RewardedDecision } from "../../src/statistics/logged-decision.ts";
import { accepted } from "../fixtures/reference/statistics-reference.ts";
import {
  type AdaptiveLogOptions,
  adaptiveLog,
  epsilonGreedy,
  thompson,
} from "../support/adaptive-log.ts";
import { rateMax } from "../support/rate-bound.ts";

/**
 * Looked at after every decision, level 0.05. Every bound on false alarms is one that a method which keeps its
 * level breaks once in 1,000 sets of seeds; the seeds are fixed, so a failure is a change of behaviour.
 */
const alpha = 0.05;
type Log = Omit<AdaptiveLogOptions, "seed">;

/** Something that is given a log and has the logarithm of its largest e-value so far. */
interface Contender {
  push(decision: RewardedDecision): void;
  readonly logEValueMax: number;
}

class OurProcess implements Contender {
  readonly #process = new EqualityEProcess({ arms: ["a", "b"], treatment: 1, control: 0 });

  push(decision: RewardedDecision): void {
    this.#process.push(decision);
  }

  get logEValueMax(): number {
    return accepted(this.#process.result()).logEValueMax;
  }
}

/** Ours, told that every decision was a fair coin's. */
class FedWithFixedShares extends OurProcess {
  override push(decision: RewardedDecision): void {
    super.push({ ...decision, propensities: [0.5, 0.5] });
  }
}

/** Refused: both arms' Beta(½, ½) predictions against the likelihood of the best common mean in hindsight. */
class UniversalInference implements Contender {
  readonly #served = [0, 0];
  readonly #sums = [0, 0];
  #logAlternative = 0;
  logEValueMax = 0;

  push({ arm, reward }: RewardedDecision): void {
    const [n, sum] = [this.#served[arm] as number, this.#sums[arm] as number];
    const mean = (sum + 0.5) / (n + 1);
    this.#logAlternative += Math.log(reward === 1 ? mean : 1 - mean);
    this.#served[arm] = n + 1;
    this.#sums[arm] = sum + reward;
    const total = (this.#served[0] as number) + (this.#served[1] as number);
    const successes = (this.#sums[0] as number) + (this.#sums[1] as number);
    const logNull = entropyTerm(successes, total) + entropyTerm(total - successes, total);
    this.logEValueMax = Math.max(this.logEValueMax, this.#logAlternative - logNull);
  }
}

function entropyTerm(count: number, total: number): number {
  return count === 0 ? 0 : count * Math.log(count / total);
}

/** Refused: Turner, Ly & Grünwald's blocks, made of the i-th reward of either arm. */
class PairedBlocks implements Contender {
  readonly #waiting: [number[], number[]] = [[], []];
  readonly #sums = [0.18, 0.18];
  #pairs = 0.36;
  #logEValue = 0;
  logEValueMax = 0;

  push({ arm, reward }: RewardedDecision): void {
    this.#waiting[arm as 0 | 1].push(reward);
    const [first, second] = this.#waiting;
    if (first.length === 0 || second.length === 0) return;
    const rewards = [first.shift() as number, second.shift() as number];
    const means = this.#sums.map((sum) => sum / this.#pairs) as [number, number];
    const common = (means[0] + means[1]) / 2;
    rewards.forEach((one, index) => {
      const mean = means[index] as number;
      this.#logEValue += Math.log(one === 1 ? mean / common : (1 - mean) / (1 - common));
      this.#sums[index] = (this.#sums[index] as number) + one;
    });
    this.#pairs += 1;
    this.logEValueMax = Math.max(this.logEValueMax, this.#logEValue);
  }
}

/** Share of the runs in which each ever rejected. */
function rejections(
  runs: number,
  log: Log,
  contenders: readonly (new () => Contender)[],
): readonly number[] {
  const rejected = contenders.map(() => 0);
  for (let seed = 0; seed < runs; seed += 1) {
    const all = contenders.map((Kind) => new Kind());
    for (const decision of adaptiveLog({ ...log, seed })) {
      for (const one of all) one.push(decision);
    }
    all.forEach((one, index) => {
      if (one.logEValueMax >= -Math.log(alpha)) rejected[index] = (rejected[index] as number) + 1;
    });
  }
  return rejected.map((count) => count / runs);
}

const underThompson = { algorithm: thompson, explorationShare: 0.02 };
const underGreedy = { algorithm: epsilonGreedy(0.1), explorationShare: 0 };
const fixedShares = { algorithm: epsilonGreedy(1), explorationShare: 0 };

describe("equality e-process, looked at after every decision", () => {
  const steps = 2000;
  const runs = 300;

  it.each<[string, Omit<Log, "steps">]>([
    ["Thompson sampling, means 0.5", { ...underThompson, meansAt: () => [0.5, 0.5] }],
    ["Thompson sampling, means 0.1", { ...underThompson, meansAt: () => [0.1, 0.1] }],
    [
      "Thompson sampling without exploration",
      { ...underThompson, explorationShare: 0, meansAt: () => [0.5, 0.5] },
    ],
    ["epsilon-greedy", { ...underGreedy, meansAt: () => [0.5, 0.5] }],
  ])("%s: rejects equal arms in at most one run of twenty", (_, log) => {
    const [ours] = rejections(runs, { ...log, steps }, [OurProcess]);
    expect(ours).toBeLessThan(rateMax(alpha, runs));
  });

  it("means that rise together: keeps its level; universal inference and wrong propensities do not", () => {
    const [ours, universal, wrong] = rejections(
      runs,
      { ...underThompson, steps, meansAt: (step) => (step < 1000 ? [0.3, 0.3] : [0.7, 0.7]) },
      [OurProcess, UniversalInference, FedWithFixedShares],
    );
    expect(ours).toBeLessThan(rateMax(alpha, runs));
    expect(universal).toBeGreaterThan(0.5);
    expect(wrong).toBeGreaterThan(0.5);
  });

  it("finds 0.6 against 0.4, more often than the two that were refused", () => {
    const meansAt = () => [0.4, 0.6];
    const contenders = [OurProcess, UniversalInference, PairedBlocks];
    const exploring = { ...underThompson, explorationShare: 0.15, steps, meansAt };
    const thompsonPower = rejections(200, exploring, contenders);
    expect(thompsonPower[0]).toBeGreaterThan(0.65);
    expect(thompsonPower[0]).toBeGreaterThan(2 * (thompsonPower[1] as number));
    expect(thompsonPower[0]).toBeGreaterThan(2 * (thompsonPower[2] as number));
    const fixedPower = rejections(200, { ...fixedShares, steps: 400, meansAt }, contenders);
    expect(fixedPower[0]).toBeGreaterThan(0.8);
    expect(fixedPower[0]).toBeGreaterThan(fixedPower[1] as number);
    expect(fixedPower[0]).toBeGreaterThan(fixedPower[2] as number);
  });
});
