import type { CandidatePolicy } from "../../../../src/statistics/off-policy/candidate-policy.ts";
import type { LoggedRow } from "../../../../src/statistics/off-policy/logged-row.ts";

/** A policy that does the same in every context. */
export function everywhere(shares: Readonly<Record<string, number>>): CandidatePolicy {
  const values = Object.values(shares);
  return { arms: Object.keys(shares), sharesIn: () => values };
}

/** Rows of arms a and b served in turn with probability ½, in two contexts; every third reward is 1. */
export function evenLog(rows: number): LoggedRow[] {
  return Array.from({ length: rows }, (_, row) => ({
    context: row % 4 < 2 ? "x" : "y",
    arm: row % 2 === 0 ? "a" : "b",
    propensity: 0.5,
    reward: row % 3 === 0 ? 1 : 0,
  }));
}

/** Ten thousand such rows, one of which has a tiny propensity. */
export function outlierLog(): LoggedRow[] {
  const rows = evenLog(10_000);
  rows[5000] = { context: "x", arm: "a", propensity: 1e-6, reward: 1 };
  return rows;
}
