import { runningSums } from "../../bandit/allocation.ts";
import { allocationSalt, armAt, unitInterval } from "../../bandit/draw.ts";
import { answerByMs, answerReserveMs, deadlineExceeded } from "../../concurrency/deadline.ts";
import type { DeadlineTimers } from "../../concurrency/deadline-timers.ts";
import { beforeMoment } from "../../concurrency/in-time.ts";
import { type Contribution, generationTotals, supersedes } from "../../domain/contribution.ts";
import { BanditError } from "../../domain/errors.ts";
import { generationIdBytes } from "../../domain/generation-id.ts";
import type { GenerationId } from "../../domain/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { GenerationHistories, GenerationHistory } from "../../ports/event-log.ts";
import type { ContributionColumns } from "../../ports/event-rows.ts";
import type { CallContext } from "../api/call-context.ts";
import type { Explanation } from "../api/insight.ts";
import type { EventDrain } from "../events/event-drain.ts";
import { parseEventTime } from "../events/event-time.ts";
import type { DecisionFinder } from "../recording/find-decision.ts";

export interface ExplainGenerationDependencies {
  readonly eventLog: Pick<GenerationHistories, "findGeneration">;
  readonly drain: Pick<EventDrain, "flush">;
  readonly decisions: DecisionFinder;
  readonly clock: Clock;
  readonly timers: DeadlineTimers;
}

/**
 * Tells why a generation got its variant: derives the draw anew from the logged probabilities.
 * @throws BanditError not_found.
 */
export async function explainGeneration(
  deps: ExplainGenerationDependencies,
  generationId: GenerationId,
  context: CallContext,
): Promise<Explanation> {
  const { clock, timers } = deps;
  const atMs = answerByMs(context, { clock, reserveMs: answerReserveMs });
  const reading = readHistory(deps, generationId, context);
  const history = await beforeMoment(reading, { timers, atMs, what: "reading the event log" });
  return explain(generationId, history);
}

async function readHistory(
  { eventLog, drain, decisions }: ExplainGenerationDependencies,
  generationId: GenerationId,
  { signal }: CallContext,
): Promise<GenerationHistory> {
  // Outcomes of the last moments may still be on their way, so the outbox goes first.
  await decisions.get(generationId);
  await drain.flush();
  if (signal.aborted) throw deadlineExceeded("reading the event log did not finish in time");
  const history = await eventLog.findGeneration(generationId);
  if (history !== undefined) return history;
  throw new BanditError(
    "unavailable",
    `the events of generation ${generationId} are still on their way to the event log`,
    { reason: "EVENTS_PENDING", retryAfterMs: 1000 },
  );
}

/** Derives the draw and the reward of a generation from what was logged about it. */
export function explain(generationId: GenerationId, history: GenerationHistory): Explanation {
  const { decision } = history;
  const unit = unitInterval(generationIdBytes(generationId), allocationSalt);
  const upper = runningSums(Float64Array.from(decision.arm_probabilities));
  const arms = decision.arm_variant_ids.map((variantId, index) => ({
    variantId,
    probability: decision.arm_probabilities[index] ?? 0,
    upper: upper[index] ?? 1,
  }));
  const rederivedVariantId = decision.arm_variant_ids[armAt(upper, unit)] ?? "";
  const reward = rewardOf(history);
  return {
    history,
    draw: unit,
    arms,
    rederivedVariantId,
    consistent: rederivedVariantId === decision.variant_id,
    ...(reward === undefined ? {} : { reward }),
  };
}

/** Σ of the newest learned value of each component, as the posterior was given it. */
function rewardOf(history: GenerationHistory): { value: number; weight: number } | undefined {
  const newest = new Map<string, Contribution & { occurredAtMs: number; eventId: string }>();
  const events: (ContributionColumns & { at: string; eventId: string })[] = history.outcomes.map(
    (outcome) => ({
      ...outcome,
      at: outcome.occurred_at,
      eventId: `outcome:${outcome.outcome_id}`,
    }),
  );
  const { generation } = history;
  if (generation !== undefined) {
    events.push({ ...generation, at: generation.recorded_at, eventId: "generation" });
  }
  for (const event of events) {
    if (event.learned !== 1) continue;
    for (const [index, component] of event.reward_components.entries()) {
      const entry = {
        component,
        value: event.reward_values[index] ?? 0,
        weight: event.reward_weights[index] ?? 0,
        penalty: event.reward_penalties[index] ?? 0,
        occurredAtMs: parseEventTime(event.at),
        eventId: event.eventId,
      };
      const known = newest.get(component);
      if (known === undefined || supersedes(entry, known)) newest.set(component, entry);
    }
  }
  const totals = generationTotals(newest.values());
  return totals.weight === 0 ? undefined : { value: totals.reward, weight: totals.weight };
}
