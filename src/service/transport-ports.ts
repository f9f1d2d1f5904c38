/** What a transport needs from the outside, so that it depends on this room alone. */
export type { Clock } from "../ports/clock.ts";
export {
  type DeadLetter,
  type DeadLetterKind,
  type DeadLetterSummary,
  deadLetterKinds,
} from "../ports/dead-letters.ts";
export type { QueryResult } from "../ports/event-log.ts";
export type {
  ContributionColumns,
  DecisionRow,
  GenerationRow,
  OutcomeRow,
} from "../ports/event-rows.ts";
export type { Logger, Telemetry } from "../ports/telemetry.ts";
