import type { LoggedGeneration } from "../../ports/generation-log.ts";
import type { RestoredDecision, RestoredLedger } from "../../ports/state-repair.ts";
import { type AgentTypeEntry, policyFor } from "../catalogue/catalogue-view.ts";
import {
  restoredDecisionTtlSeconds,
  restoredLedgerTtlSeconds,
  retainedUntilMs,
} from "../recording/retention.ts";
import { ledgerOf, loggedPosition } from "./logged-ledger.ts";

/** What the live state must remember of logged generations. */
export interface RestoredState {
  readonly decisions: readonly RestoredDecision[];
  readonly ledgers: readonly RestoredLedger[];
}

/**
 * Of the given generations those that something may still be learned of, by the policies in force: their
 * decisions and their bookings. The others are only ever summed.
 */
export function restoredStateOf(
  generations: readonly LoggedGeneration[],
  entry: AgentTypeEntry,
  nowMs: number,
): RestoredState {
  const decisions: RestoredDecision[] = [];
  const ledgers: RestoredLedger[] = [];
  for (const generation of generations) {
    const { generationId, agentType, codeType, variantId, decidedAtMs, decision } = generation;
    const policyRecord = policyFor(entry, codeType);
    const { policy } = policyRecord;
    const decisionTtlSeconds = restoredDecisionTtlSeconds(policy, decidedAtMs, nowMs);
    if (decision !== undefined && decisionTtlSeconds > 0) {
      const record = {
        ...{ generationId, agentType, codeType, variantId, decidedAtMs, ...decision },
        retainedUntilMs: retainedUntilMs(policy, decidedAtMs),
      };
      decisions.push({ record, ttlSeconds: decisionTtlSeconds });
    }
    const ledgerTtlSeconds = restoredLedgerTtlSeconds(policy, decidedAtMs, nowMs);
    if (generation.events.length > 0 && ledgerTtlSeconds > 0) {
      const position = loggedPosition(generation, policyRecord);
      ledgers.push({
        ...{ generationId, agentType, codeType },
        eventIds: generation.events.map(({ eventId }) => eventId),
        entries: ledgerOf(generation.events),
        ...(position === undefined ? {} : { position }),
        ttlSeconds: ledgerTtlSeconds,
      });
    }
  }
  return { decisions, ledgers };
}

/** The first decisions that something may still be learned of, over all policies of an agent type. */
export function restoredFromMs(entry: AgentTypeEntry, nowMs: number): number {
  const policies = [entry.policy, ...entry.overrides.values()];
  const longestSeconds = Math.max(
    ...policies.flatMap(({ policy }) => [
      restoredDecisionTtlSeconds(policy, nowMs, nowMs),
      restoredLedgerTtlSeconds(policy, nowMs, nowMs),
    ]),
  );
  return nowMs - longestSeconds * 1000;
}
