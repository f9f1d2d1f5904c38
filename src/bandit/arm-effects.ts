import { type EvidenceTable, evidenceWeightMin } from "./evidence-table.ts";

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
/** Outcomes' worth of belief that a code type is an average one, while effects are fitted. */
const averageOutcomes = 5;
/**
 * The effects have settled when no sweep moves one by more. Where hardly any code type has tried both of two groups
 * of arms, it takes more sweeps than there are: the difference between the groups then stays nearer to the raw one.
 */
const settled = 1e-6;
const sweepsMax = 100;
/** Seven were enough for everything tried. */
const newtonStepsMax = 40;
/** No variance of a number in [0,1] is larger. */
const varianceMax = 0.25;

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
  /** ℓ_c as best predicted. */
  readonly #levels: Float64Array;
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
    this.#levels = this.#predictLevels();
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

  /** u²·(τ² + v/n): the cell's part of the variance of Σu·y. */
  #errorTerm(cell: number, limited: number): number {
    if (limited === 0) return 0;
    return limited ** 2 * this.#cellVariance(cell);
  }

  /** τ² + v/n. */
  #cellVariance(cell: number): number {
    return this.interactionVariance + this.outcomeVariance / (this.#table.weights[cell] as number);
  }

  #predictLevels(): Float64Array {
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
    const levelVariance = Math.max(squares / total, 0);
    return levels.map((level, row) => {
      const precision = precisions[row] as number;
      return (level * (levelVariance * precision)) / (1 + levelVariance * precision);
    });
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

/** Rows in which two arms or more were tried tell arms apart: cells − rows − (arms − 1). */
function countDegreesOfFreedom({ weights, rowOf, armOf }: EvidenceTable): number {
  const compared = new Set<number>();
  let cells = 0;
  let rows = 0;
  for (let row = 0; row < rowOf.size; row += 1) {
    const arms: number[] = [];
    for (let arm = 0; arm < armOf.size; arm += 1) {
      if ((weights[row * armOf.size + arm] as number) > 0) arms.push(arm);
    }
    if (arms.length < 2) continue;
    cells += arms.length;
    rows += 1;
    for (const arm of arms) compared.add(arm);
  }
  return cells - rows - (compared.size - 1);
}

/** Σ n·y(1 − y) / Σ(n − 1) over the cells, unbiased for 0/1 rewards, and one outcome at the overall mean. */
function estimateOutcomeVariance({ weights, means }: EvidenceTable): number {
  let weight = 0;
  let reward = 0;
  let spread = 0;
  let freedom = 0;
  weights.forEach((n, cell) => {
    const mean = means[cell] as number;
    weight += n;
    reward += n * mean;
    if (n <= 1) return;
    spread += n * mean * (1 - mean);
    freedom += n - 1;
  });
  if (weight === 0) return 0;
  const overall = reward / weight;
  return Math.min((spread + overall * (1 - overall)) / (freedom + 1), varianceMax);
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

/**
 * The τ² at which Q(τ²) = Σ_c Σ_a w(x − x̄_c)² is what it is on average, its degrees of freedom; x = y − δ_a,
 * w = 1/(τ² + v/n), x̄_c the mean of the row weighted by w (Paule & Mandel 1982). 0 when Q is smaller there
 * already. Newton's method as in DerSimonian & Kacker (2007), but on 1/Q: a sum of z²/(τ² + λ) has a concave
 * reciprocal, so the steps from 0 come from below and never overshoot, and evidence of any weight takes few.
 */
function solveInteractionVariance(
  { weights, means, rowOf, armOf }: EvidenceTable,
  effects: Float64Array,
  known: { readonly outcomeVariance: number; readonly degreesOfFreedom: number },
): number {
  let variance = 0;
  for (let step = 0; step < newtonStepsMax; step += 1) {
    let dispersion = 0;
    let slope = 0;
    for (let row = 0; row < rowOf.size; row += 1) {
      let w = 0;
      let wx = 0;
      let wxx = 0;
      let ww = 0;
      let wwx = 0;
      let wwxx = 0;
      for (let arm = 0; arm < armOf.size; arm += 1) {
        const cell = row * armOf.size + arm;
        const n = weights[cell] as number;
        if (n === 0) continue;
        const precision = n / (variance * n + known.outcomeVariance);
        const x = (means[cell] as number) - (effects[arm] as number);
        w += precision;
        wx += precision * x;
        wxx += precision * x * x;
        ww += precision * precision;
        wwx += precision * precision * x;
        wwxx += precision * precision * x * x;
      }
      if (w === 0) continue;
      const mean = wx / w;
      dispersion += Math.max(wxx - wx * mean, 0);
      slope += Math.max(wwxx - 2 * mean * wwx + mean * mean * ww, 0);
    }
    const excess = dispersion - known.degreesOfFreedom;
    if (!(excess > 1e-9 * known.degreesOfFreedom) || slope === 0) break;
    variance += (dispersion / known.degreesOfFreedom) * (excess / slope);
  }
  return Math.min(variance, varianceMax);
}
