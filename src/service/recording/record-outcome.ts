import { requireTimeLeft } from "../../concurrency/deadline.ts";
import { invalidField } from "../../domain/errors.ts";
import { formatGenerationId } from "../../domain/generation-id.ts";
import type { OutcomeId } from "../../domain/ids.ts";
import type { Outcome, OutcomeStatus } from "../../domain/outcome.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import type { UserIdHasher } from "../../ports/user-id-hasher.ts";
import type { CallContext } from "../api/call-context.ts";
import type { OutcomeResult } from "../api/decisions.ts";
import { outcomeMetrics } from "./outcome-metrics.ts";
import type { ReceivedOutcome } from "./received-reports.ts";
import type { Booked } from "./report-booking.ts";
import type { ReportIntake } from "./report-intake.ts";
import { clockSkewMsMax } from "./retention.ts";

export interface RecordOutcomeDependencies {
  readonly intake: ReportIntake;
  /** Gives 16 fresh bytes of a version 7 UUID. */
  readonly ids: { next(): Uint8Array };
  readonly userIds: UserIdHasher;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Takes one outcome. @throws BanditError */
export async function recordOutcome(
  deps: RecordOutcomeDependencies,
  outcome: Outcome,
  context: CallContext,
): Promise<OutcomeResult> {
  requireTimeLeft(context, deps.clock);
  const received = receive(deps, outcome);
  const { source, outcomeId } = received;
  const booked = await deps.intake.take({ kind: "outcome", outcome: received }, context);
  const status = booked === "spooled" ? booked : statusOf(booked);
  deps.telemetry.count("bandit_outcomes_total", { status, source });
  return { outcomeId, status };
}

/** Everything that needs no decision. @throws BanditError invalid_argument */
function receive(
  { clock, ids, userIds }: RecordOutcomeDependencies,
  outcome: Outcome,
): ReceivedOutcome {
  const { content } = outcome;
  const receivedAtMs = clock.nowMs();
  const occurredAtMs = outcome.occurredAtMs ?? receivedAtMs;
  if (occurredAtMs > receivedAtMs + clockSkewMsMax) {
    const nowText = new Date(receivedAtMs).toISOString();
    throw invalidField(
      "occurred_at",
      `lies more than five minutes ahead of the service's clock, which says ${nowText}`,
    );
  }
  return {
    outcomeId: outcome.outcomeId ?? (formatGenerationId(ids.next()) as string as OutcomeId),
    generationId: outcome.generationId,
    occurredAtMs,
    receivedAtMs,
    source: content.source,
    metrics: outcomeMetrics(content),
    action: content.source === "user_action" ? content.action : "",
    comment: content.source === "user_rating" ? content.comment : "",
    user_hash: "userId" in content ? userIds.hash(content.userId) : "",
    ci_pipeline: content.source === "ci" ? content.pipeline : "",
    ci_url: content.source === "ci" ? content.url : "",
  };
}

function statusOf({ status, late, learned }: Booked): OutcomeStatus {
  if (status === "duplicate" || learned) return status;
  return late ? "late" : "not_learned";
}
