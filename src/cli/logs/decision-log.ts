import type { ComparedDecision } from "../../statistics/experiments/compared-decision.ts";

/** Where logged decisions come from: a file, or a service. */
export interface DecisionLog {
  /** e.g. the file's name. */
  readonly name: string;
  /** Columns whose values, joined by {@link contextLabel}, are each decision's context. */
  readonly contextColumns: readonly string[];
  /** Why the log has no whole vectors; absent when it has. */
  readonly lacksVectors?: string;
  /** Every arm that was drawn, sorted. */
  listArms(): Promise<readonly string[]>;
  /** Every decision that drew an arm, in the log's order; the others are counted. May be read again. */
  read(leftOut: LeftOut): AsyncIterable<ComparedDecision>;
}

/** What of a log is read. */
export interface LogNeeds {
  /** True: with whole vectors and times. False: with propensities. */
  readonly forComparison: boolean;
  /** Of a file. Undefined: the first of the usual names that the file has. */
  readonly propensityColumn?: string | undefined;
  readonly covariateColumn?: string | undefined;
  /** Undefined: those of `usualContextColumns` that the file has; of a service `code_type`, the only one there. */
  readonly contextColumns: readonly string[] | undefined;
  readonly usualContextColumns: readonly string[];
  /** The option that names context columns, for messages. */
  readonly contextOption: string;
  /** Columns that a policy goes by, added to the context. */
  readonly policyColumns: readonly string[];
}

export interface LeftOut {
  /** Decisions that drew no arm: static mode, fallback, degraded. */
  notDrawn: number;
}

/** Values of several columns as one label. Unambiguous as long as no value holds a comma. */
export function contextLabel(values: readonly string[]): string {
  return values.join(",");
}

/** False for a decision whose propensity says nothing about what could have been served, because no arm was drawn. */
export function isDrawn(decision: {
  readonly source: string;
  readonly degraded: boolean;
}): boolean {
  return !decision.degraded && decision.source !== "static" && decision.source !== "fallback";
}
