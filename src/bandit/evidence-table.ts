import type { CodeType, VariantId } from "../domain/ids.ts";

/** What is known of one arm in one code type. May be fractional, and decayed by forgetting. */
export interface CellTotals {
  /** Σ R. */
  readonly reward: number;
  /** Σ W. */
  readonly weight: number;
}

/** The totals of one agent type as a table: a row for each code type, a column for each arm. */
export interface EvidenceTable {
  /** Row of each code type with evidence, in the order of their names. */
  readonly rowOf: ReadonlyMap<CodeType, number>;
  /** Column of each arm, in the order of their ids. */
  readonly armOf: ReadonlyMap<VariantId, number>;
  /** Σ W at row × (number of arms) + arm; 0 where there is no evidence. */
  readonly weights: Float64Array;
  /** Σ R / Σ W, in [0,1]; 0 where there is no evidence. */
  readonly means: Float64Array;
}

/** Less than half an outcome says nothing, but would count as a full cell where cells are counted. */
export const evidenceWeightMin = 0.5;
/** More evidence than this counts as this much, as in a posterior. */
const weightMax = 1e12;

/**
 * Sorted by name, so that sums over it do not depend on the order of the maps. Totals that are no numbers, or
 * weigh less than half an outcome, are left out; rewards that rounding has moved out of 0 ≤ R ≤ W are moved back in.
 * @param arms distinct; other arms in the totals are ignored.
 */
export function tabulateEvidence(
  codeTypes: ReadonlyMap<CodeType, ReadonlyMap<VariantId, CellTotals>>,
  arms: readonly VariantId[],
): EvidenceTable {
  const armOf = new Map([...arms].sort().map((id, arm) => [id, arm]));
  const rowOf = new Map([...codeTypes.keys()].sort().map((name, row) => [name, row]));
  const weights = new Float64Array(rowOf.size * armOf.size);
  const means = new Float64Array(weights.length);
  for (const [name, row] of rowOf) {
    for (const [id, { reward, weight }] of codeTypes.get(name) ?? []) {
      const arm = armOf.get(id);
      if (arm === undefined || !(weight >= evidenceWeightMin) || Number.isNaN(reward)) continue;
      const cell = row * armOf.size + arm;
      weights[cell] = Math.min(weight, weightMax);
      // With both infinite there is no mean to tell.
      const mean = reward / weight;
      means[cell] = Number.isNaN(mean) ? 0.5 : Math.min(Math.max(mean, 0), 1);
    }
  }
  return { rowOf, armOf, weights, means };
}
