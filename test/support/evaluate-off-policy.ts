import type { EvaluateOptions } from "../../src/statistics/off-policy/evaluate.ts";
import type { Evaluation } from "../../src/statistics/off-policy/evaluation.ts";
import type { LoggedRow } from "../../src/statistics/off-policy/logged-row.ts";
import {
  OffPolicyLog,
  type OffPolicyOptions,
} from "../../src/statistics/off-policy/off-policy-log.ts";
import type { Result } from "../../src/statistics/result.ts";

/** Everything about rows that are all in memory, in one call. */
export function evaluateOffPolicy(
  rows: Iterable<LoggedRow>,
  options: OffPolicyOptions & EvaluateOptions,
): Result<Evaluation> {
  const log = new OffPolicyLog(options);
  for (const row of rows) if (log.add(row) !== undefined) break;
  return log.evaluate(options);
}
