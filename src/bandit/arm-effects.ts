import { EqualCorrelations } from "./equal-correlations.ts";
import { type EvidenceTable, evidenceWeightMin } from "./evidence-table.ts";
import {
  countDegreesOfFreedom,
  estimateOutcomeVariance,
  solveInteractionVariance,
  varianceMax,
} from "./evidence-variance.ts";

/** δ_a as estimated from some of the code types. */
export interface ArmEffect {
  readonly value: number;
  /** Of the error of {@link value}; above 0. */
  readonly variance: number;
  /** Σ W that it rests on. */
  readonly outcomes: number;
}

/**
 * Outcomes of one code type beyond which an arm's mean there counts as known when effects are averaged over code
 * types: a cell of n outcomes has the weight n·h/(n + h). So a code type that has seen a million outcomes does not
 * speak for the others, and what Thompson sampling gave up early in one code type does not vanish (Kleinman 1973
 * discusses weights between "by outcome" and "by group"; 5 to 40 do about equally well on the data of
 * docs/concepts/sharing.md).
 */
const halfWeight = 10;
/**
 * Variance of levels, at least, for telling whether a row is like the others: where all levels so far are alike, tasks that are
 * harder by .1 or .2 for every arm are no contrary ones.
 */
const levelVarianceMin = 0.01;
/** Outcomes' worth of belief that a code type is an average one, while effects are fitted. */
const averageOutcomes = 5;
/**
 * The effects have settled when no sweep moves one by more. Where hardly any code type has tried both of two groups
 * of arms, it takes more sweeps than there are: the difference between the groups then stays nearer to the raw one.
 */
const settled = 1e-6;
const sweepsMax = 100;

/**
 * Two-way decomposition of the mean rewards of arms (a) in code types (c):
 *
 *     θ_ca = δ_a + ℓ_c + γ_ca
 *
 * δ_a the arm's effect, its mean in an average code type; ℓ_c the level of the code type (easy or hard for
 * every arm), around 0; γ_ca what only this arm does only here, variance τ². The observed mean of a cell with n
 * outcomes varies around θ_ca with variance v/n.
 *
 * Pure arithmetic on the table in its order; costs O(cells).
 */
export class ArmEffects {
  readonly armCount: number;
  /** v: variance of one outcome within a cell, as Bernoulli; fractional rewards vary less. Above 0. */
  readonly outcomeVariance: number;
  /** τ², by the moment equation of Paule & Mandel (1982) on differences within code types. */
  readonly interactionVariance: number;
  /** Independent differences that τ² was estimated from; above 2. */
  readonly degreesOfFreedom: number;
  readonly #table: EvidenceTable;
  /** u = n·h/(n + h) of each cell; 0 without evidence. */
  readonly #limited: Float64Array;
  readonly #fit: Fit;
  /** ℓ_c as best predicted, and the variance of the true ones. */
  readonly #levels: Float64Array;
  readonly #levelVariance: number;
  /** Per arm over its cells, u the limited weight: Σu²·(τ² + v/n). */
  readonly #varianceSums: Float64Array;
  /** Per arm: Σ W. */
  readonly #outcomes: Float64Array;

  private constructor(parts: {
    table: EvidenceTable;
    limited: Float64Array;
    fit: Fit;
    outcomeVariance: number;
    interactionVariance: number;
    degreesOfFreedom: number;
  }) {
    this.#table = parts.table;
    this.armCount = parts.table.armOf.size;
    this.outcomeVariance = parts.outcomeVariance;
    this.interactionVariance = parts.interactionVariance;
    this.degreesOfFreedom = parts.degreesOfFreedom;
    this.#limited = parts.limited;
    this.#fit = parts.fit;
    this.#varianceSums = new Float64Array(this.armCount);
    this.#outcomes = new Float64Array(this.armCount);
    this.#limited.forEach((weight, cell) => {
      const arm = cell % this.armCount;
      const n = this.#table.weights[cell] as number;
      this.#varianceSums[arm] = (this.#varianceSums[arm] as number) + this.#errorTerm(cell, weight);
      this.#outcomes[arm] = (this.#outcomes[arm] as number) + n;
    });
    ({ levels: this.#levels, variance: this.#levelVariance } = this.#predictLevels());
  }

  /**
   * @returns undefined when the table cannot tell how much arms differ between code types: two degrees of freedom or
   * fewer (two arms: fewer than four code types in which both were tried), or outcomes that are all the same.
   */
  static fit(table: EvidenceTable): ArmEffects | undefined {
    const degreesOfFreedom = countDegreesOfFreedom(table);
    const outcomeVariance = estimateOutcomeVariance(table);
    if (degreesOfFreedom <= 2 || outcomeVariance < 1e-12) return undefined;
    const limited = table.weights.map((weight) =>
      weight > 0 ? halfWeight / (1 + halfWeight / weight) : 0,
    );
    const fit = fitEffects(table, limited);
    const interactionVariance = solveInteractionVariance(table, fit.effects, {
      outcomeVariance,
      degreesOfFreedom,
    });
    return new ArmEffects({
      table,
      limited,
      fit,
      outcomeVariance,
      interactionVariance,
      degreesOfFreedom,
    });
  }

  /** δ_a over all code types; undefined for an arm without evidence. */
  effect(arm: number): ArmEffect | undefined {
    const weight = this.#fit.weightSums[arm] as number;
    if (!(weight > 0)) return undefined;
    return {
      value: this.#fit.effects[arm] as number,
      variance: (this.#varianceSums[arm] as number) / weight ** 2,
      outcomes: this.#outcomes[arm] as number,
    };
  }

  /**
   * δ_a without the arm's outcomes in that row. Exact in the arm's own terms; the levels of the other rows are
   * those fitted with them. @returns undefined when there is nothing else.
   */
  effectWithout(arm: number, row: number): ArmEffect | undefined {
    const cell = row * this.armCount + arm;
    const own = this.#limited[cell] as number;
    const all = this.effect(arm);
    if (own === 0 || all === undefined) return all;
    const weight = (this.#fit.weightSums[arm] as number) - own;
    // What rounding leaves of a difference of equal numbers is no evidence.
    if (!(weight > 1e-9 * own)) return undefined;
    const mean = (this.#table.means[cell] as number) - (this.#fit.levels[row] as number);
    const errors = (this.#varianceSums[arm] as number) - this.#errorTerm(cell, own);
    const outcomes = Math.max(
      all.outcomes - (this.#table.weights[cell] as number),
      evidenceWeightMin,
    );
    return {
      value: ((this.#fit.valueSums[arm] as number) - own * mean) / weight,
      // No weighted mean of so many outcomes varies less; rounding may say otherwise.
      variance: Math.max(errors / weight ** 2, this.outcomeVariance / outcomes),
      outcomes,
    };
  }

  /**
   * ℓ_c, predicted from the row's outcomes (best linear prediction: shrunk towards 0 by what is noise). The same for
   * every arm, so it favours none.
   */
  level(row: number): number {
    return this.#levels[row] as number;
  }

  /**
   * Natural logarithm of how much likelier the row's means are where its arms stand as in the other code types than where each
   * stands on its own, its mean around the same place with `ownVariance` more (both normal). Their common
   * level has the variance that levels have, or `levelVarianceMin`. 0 without outcomes.
   */
  logAgreement(row: number, ownVariance: number): number {
    const levelVariance = Math.max(this.#levelVariance, levelVarianceMin);
    const alike = new EqualCorrelations(levelVariance);
    const apart = new EqualCorrelations(levelVariance);
    for (let arm = 0; arm < this.armCount; arm += 1) {
      const cell = row * this.armCount + arm;
      const effect = this.effectWithout(arm, row);
      if (this.#table.weights[cell] === 0 || effect === undefined) continue;
      const away = (this.#table.means[cell] as number) - effect.value;
      const variance = this.#cellVariance(cell) + effect.variance;
      alike.add(away, variance);
      apart.add(away, variance + ownVariance);
    }
    return alike.logDensity() - apart.logDensity();
  }

  /** u²·(τ² + v/n): the cell's part of the variance of Σu·y. */
  #errorTerm(cell: number, limited: number): number {
    if (limited === 0) return 0;
    return limited ** 2 * this.#cellVariance(cell);
  }

  /** τ² + v/n. */
  #cellVariance(cell: number): number {
    return this.interactionVariance + this.outcomeVariance / (this.#table.weights[cell] as number);
  }

  #predictLevels(): { levels: Float64Array; variance: number } {
    const { weights, means } = this.#table;
    const levels = new Float64Array(this.#fit.levels.length);
    const precisions = new Float64Array(levels.length);
    // Variance of the levels: their mean square, less what sampling explains.
    let squares = 0;
    let total = 0;
    for (let row = 0; row < levels.length; row += 1) {
      let sum = 0;
      let precision = 0;
      for (let arm = 0; arm < this.armCount; arm += 1) {
        const cell = row * this.armCount + arm;
        if (weights[cell] === 0) continue;
        const inverse = 1 / this.#cellVariance(cell);
        sum += inverse * ((means[cell] as number) - (this.#fit.effects[arm] as number));
        precision += inverse;
      }
      if (precision === 0) continue;
      levels[row] = sum / precision;
      precisions[row] = precision;
      const reliability = 1 / (varianceMax / 10 + 1 / precision);
      squares += reliability * ((sum / precision) ** 2 - 1 / precision);
      total += reliability;
    }
    const variance = Math.max(squares / total, 0);
    const predicted = levels.map((level, row) => {
      const precision = precisions[row] as number;
      return (level * (variance * precision)) / (1 + variance * precision);
    });
    return { levels: predicted, variance };
  }
}

interface Fit {
  /** δ_a; 0 without evidence. */
  readonly effects: Float64Array;
  /** ℓ_c as the effects were fitted with. */
  readonly levels: Float64Array;
  /** Per arm over its cells, u the limited weight: Σu … */
  readonly weightSums: Float64Array;
  /** … and Σu(y − ℓ). */
  readonly valueSums: Float64Array;
}

/**
 * Alternates between ℓ_c = n/(n + κ) · Σ_a u(y − δ_a)/Σ_a u, n all outcomes of the code type, then centred, and
 * δ_a = Σ_c u(y − ℓ_c)/Σ_c u. Adjusting for the level keeps an arm that was tried in hard code types only from
 * looking bad.
 */
function fitEffects({ weights, means, rowOf, armOf }: EvidenceTable, limited: Float64Array): Fit {
  const rows = rowOf.size;
  const arms = armOf.size;
  const effects = new Float64Array(arms);
  const levels = new Float64Array(rows);
  const weightSums = new Float64Array(arms);
  const valueSums = new Float64Array(arms);
  for (let sweep = 0, moved = 1; sweep < sweepsMax && moved > settled; sweep += 1) {
    if (sweep > 0) fitLevels();
    weightSums.fill(0);
    valueSums.fill(0);
    for (let row = 0; row < rows; row += 1) {
      const level = levels[row] as number;
      for (let arm = 0; arm < arms; arm += 1) {
        const cell = row * arms + arm;
        const weight = limited[cell] as number;
        weightSums[arm] = (weightSums[arm] as number) + weight;
        valueSums[arm] = (valueSums[arm] as number) + weight * ((means[cell] as number) - level);
      }
    }
    moved = 0;
    for (let arm = 0; arm < arms; arm += 1) {
      if (weightSums[arm] === 0) continue;
      const effect = (valueSums[arm] as number) / (weightSums[arm] as number);
      moved = Math.max(moved, Math.abs(effect - (effects[arm] as number)));
      effects[arm] = effect;
    }
  }
  return { effects, levels, weightSums, valueSums };

  function fitLevels(): void {
    let sum = 0;
    let known = 0;
    for (let row = 0; row < rows; row += 1) {
      let value = 0;
      let weight = 0;
      let outcomes = 0;
      for (let arm = 0; arm < arms; arm += 1) {
        const cell = row * arms + arm;
        const own = limited[cell] as number;
        if (own === 0) continue;
        value += own * ((means[cell] as number) - (effects[arm] as number));
        weight += own;
        outcomes += weights[cell] as number;
      }
      levels[row] = weight > 0 ? (value / weight) * (outcomes / (outcomes + averageOutcomes)) : 0;
      sum += levels[row] as number;
      if (weight > 0) known += 1;
    }
    for (let row = 0; row < rows; row += 1) levels[row] = (levels[row] as number) - sum / known;
  }
}
