import type { CodeType, VariantId } from "../domain/ids.ts";
import { type ArmEffect, ArmEffects } from "./arm-effects.ts";
import { type CellTotals, type EvidenceTable, tabulateEvidence } from "./evidence-table.ts";
import type { Posterior } from "./posterior.ts";

/** What an arm's mean rests on is doubtful up to about so many outcomes. */
const doubtfulOutcomes = 10;
/** Strength of what is believed of an arm that no other code type has tried, at most. */
const familyStrengthMax = 4;

/** How an arm compares with its rival: the best arm, or for the best arm the second. */
interface Standing {
  /** Behind the best arm, from −1 to 0; of the best, 0. */
  readonly behind: number;
  /** [0,1]: how much of the gap to its nearest rival at the top is common to all code types. */
  readonly commonShare: number;
}

/** What is believed of an arm that no other code type has tried. */
interface Family {
  readonly mean: number;
  /** Of such an arm around the mean, in one code type. */
  readonly variance: number;
}

/**
 * Priors of the arms of one agent type in one code type, learned from its other code types: parametric empirical
 * Bayes (Robbins 1956; Efron & Morris 1975) on the two-way decomposition of {@link ArmEffects}. A prior is the
 * policy's own plus s outcomes of mean m,
 *
 *     α = α₀ + s·m,   β = β₀ + s·(1 − m),   m = δ_a (without code type c) + ℓ_c, clamped to [0,1]
 *     s = min(1, Λ_c) · min(strengthMax, ρ · (ν − 2)/ν · v/(τ² + Var δ_a), v·ln(1 + N/10)/gap²)
 *
 * - v/(τ² + Var δ_a): as many outcomes of variance v as leave the mean the variance that an arm's mean has in a new
 *   code type. (ν − 2)/ν because τ² is known from ν differences only (the variance of Student's t).
 * - ρ = g/(g + τ²), g = gap² − 2·ln(K)·Var(gap) or 0: how much of the gap between this arm and the best other one is
 *   common to all code types; 2·ln(K) is the universal threshold of Donoho & Johnstone (1994) for the largest of K
 *   effects. Textbook empirical Bayes has no ρ. Without it code types that disagree get strong priors with equal
 *   means, which favour nobody and only slow learning down: 0.007 of the mean reward in the worst case measured.
 * - v·ln(1 + N/10)/gap²: no arm starts further behind the best one than √ln(1 + N/10) standard deviations of its
 *   prior, N the outcomes that it rests on; so a mistake made early is not kept alive by nobody's looking.
 * - Λ_c: how much likelier the code type's outcomes are where its arms stand as elsewhere than where each has a mean of its
 *   own, as uncertain as the policy's prior. The others' word counts for that much: a power prior (Ibrahim & Chen 2000)
 *   whose exponent is the Bayes factor that decides a robust mixture prior (Schmidli et al. 2014). Never above 1.
 *
 * An arm that no other code type has tried gets the mean and the spread of the arms that were: at most 4 outcomes,
 * never its parent's counts. Where nothing can be learned, the prior is the policy's own. Everything here was
 * measured, also what was refused: docs/concepts/sharing.md.
 *
 * A function of the totals alone, whatever the order of the maps. 1,000 code types × 10 arms take about 4 ms.
 */
export class SharedPrior {
  readonly #prior: Posterior;
  readonly #strengthMax: number;
  readonly #table: EvidenceTable;
  readonly #effects: ArmEffects | undefined;
  readonly #standings: readonly Standing[];
  readonly #family: Family | undefined;
  /** By row, as far as asked for. */
  readonly #agreements: (number | undefined)[] = [];

  private constructor(options: {
    prior: Posterior;
    strengthMax: number;
    table: EvidenceTable;
    effects: ArmEffects | undefined;
  }) {
    this.#prior = options.prior;
    this.#strengthMax = options.strengthMax;
    this.#table = options.table;
    this.#effects = options.effects;
    this.#standings = options.effects === undefined ? [] : rank(options.effects);
    this.#family = options.effects === undefined ? undefined : familyOf(options.effects);
  }

  /**
   * @param input.codeTypes totals of each arm in each code type, all under the same reward specification, and all
   * decayed to the same moment if they are forgotten. Bad numbers are left out.
   * @param input.variantIds the arms, distinct. Totals of other arms are ignored.
   * @param input.prior the policy's own; both shapes at least 0.5.
   * @param input.strengthMax most outcomes that other code types may count for; from 0, which turns sharing off.
   */
  static estimate(input: {
    readonly codeTypes: ReadonlyMap<CodeType, ReadonlyMap<VariantId, CellTotals>>;
    readonly variantIds: readonly VariantId[];
    readonly prior: Posterior;
    readonly strengthMax: number;
  }): SharedPrior {
    const strengthMax = Math.max(input.strengthMax, 0);
    const table = tabulateEvidence(input.codeTypes, input.variantIds);
    return new SharedPrior({
      prior: { alpha: input.prior.alpha, beta: input.prior.beta },
      strengthMax,
      table,
      effects: strengthMax > 0 ? ArmEffects.fit(table) : undefined,
    });
  }

  /**
   * At least the policy's own prior in both shapes, at most `strengthMax` stronger. A code type without totals is an
   * average one; a variant that is not one of the arms has the policy's prior. The code type's own outcomes enter
   * through its level and through how far it agrees with the others, which all its arms have in common.
   */
  priorOf(codeType: CodeType, variantId: VariantId): Posterior {
    const arm = this.#table.armOf.get(variantId);
    if (this.#effects === undefined || arm === undefined) return this.#prior;
    const row = this.#table.rowOf.get(codeType);
    const effect =
      row === undefined ? this.#effects.effect(arm) : this.#effects.effectWithout(arm, row);
    const level = row === undefined ? 0 : this.#effects.level(row);
    if (effect !== undefined) {
      const agreement = row === undefined ? 1 : this.#agreement(row);
      return this.#add(effect.value + level, agreement * this.#strength(arm, effect));
    }
    if (this.#family === undefined) return this.#prior;
    return this.#add(this.#family.mean + level, this.#familyStrength(this.#family));
  }

  #agreement(row: number): number {
    const { alpha, beta } = this.#prior;
    const ownVariance = (alpha * beta) / ((alpha + beta) ** 2 * (alpha + beta + 1));
    this.#agreements[row] ??= Math.min(
      1,
      Math.exp((this.#effects as ArmEffects).logAgreement(row, ownVariance)),
    );
    return this.#agreements[row];
  }

  #strength(arm: number, effect: ArmEffect): number {
    const { outcomeVariance, interactionVariance, degreesOfFreedom } = this.#effects as ArmEffects;
    const { behind, commonShare } = this.#standings[arm] as Standing;
    const earned =
      (commonShare * (1 - 2 / degreesOfFreedom) * outcomeVariance) /
      (interactionVariance + effect.variance);
    // Infinite for the best arm.
    const revocable =
      (outcomeVariance * Math.log1p(effect.outcomes / doubtfulOutcomes)) / behind ** 2;
    return Math.min(this.#strengthMax, earned, revocable);
  }

  #familyStrength(family: Family): number {
    const { outcomeVariance } = this.#effects as ArmEffects;
    return Math.min(this.#strengthMax, familyStrengthMax, outcomeVariance / family.variance);
  }

  #add(mean: number, strength: number): Posterior {
    const share = Math.min(Math.max(mean, 0), 1);
    return {
      alpha: this.#prior.alpha + strength * share,
      beta: this.#prior.beta + strength * (1 - share),
    };
  }
}

/** Compares every arm with the best of the others. */
function rank(effects: ArmEffects): Standing[] {
  const all = Array.from({ length: effects.armCount }, (_, arm) => effects.effect(arm));
  const known = all.filter((effect) => effect !== undefined).sort((a, b) => b.value - a.value);
  const [best, second] = known;
  const chanceVariances = 2 * Math.log(known.length);
  return all.map((effect) => {
    const rival = effect === best ? second : best;
    if (effect === undefined || rival === undefined) return { behind: 0, commonShare: 0 };
    const gap = effect.value - rival.value;
    const common = gap ** 2 - chanceVariances * (effect.variance + rival.variance);
    return {
      behind: Math.min(gap, 0),
      commonShare: common > 0 ? common / (common + effects.interactionVariance) : 0,
    };
  });
}

/** Mean of the arms' effects, and the variance of another arm's around it in a code type of its own. */
function familyOf(effects: ArmEffects): Family | undefined {
  const known: ArmEffect[] = [];
  for (let arm = 0; arm < effects.armCount; arm += 1) {
    const effect = effects.effect(arm);
    if (effect !== undefined) known.push(effect);
  }
  if (known.length < 2) return undefined;
  const mean = known.reduce((sum, { value }) => sum + value, 0) / known.length;
  const squares = known.reduce((sum, { value }) => sum + (value - mean) ** 2, 0);
  // Not less what their errors explain: with few arms that is as often too little as too much.
  return { mean, variance: squares / (known.length - 1) + effects.interactionVariance };
}
