import { RepeatedWork } from "../../concurrency/repeated-work.ts";
import { defaultRewardComponent } from "../../domain/contribution.ts";
import { BanditError } from "../../domain/errors.ts";
import type { CodeType } from "../../domain/ids.ts";
import type { Policy } from "../../domain/policy.ts";
import type { Clock } from "../../ports/clock.ts";
import type {
  GenerationHistories,
  ListWithoutOutcomeInput,
  UnansweredDecision,
} from "../../ports/event-log.ts";
import type { OutcomeRow } from "../../ports/event-rows.ts";
import type { ContributionStore, DecisionStore } from "../../ports/state-store.ts";
import type { Logger, Telemetry } from "../../ports/telemetry.ts";
import type { CatalogueCache } from "../catalogue/catalogue-cache.ts";
import type { AgentTypeEntry } from "../catalogue/catalogue-view.ts";
import type { EventDrain } from "../events/event-drain.ts";
import { formatEventTime } from "../events/event-time.ts";
import type { AllocationTable } from "../posteriors/allocation-table.ts";
import { contributionColumns, contributionTarget } from "./booked-contributions.ts";
import { defaultLedgerTtlSeconds, defaultRewardSecondsMax } from "./retention.ts";

/** With a space: no reporter can choose it (`domain/ids.ts`). */
const defaultOutcomeId = "default reward";
const pageRowsMax = 1_000;
/** Looked at again in every round: replicas' clocks differ, and their events need a moment to reach the log. */
const overlapMs = 120_000;

/** The code types that one policy governs. */
interface Scope {
  readonly name: string;
  readonly codeTypes: ListWithoutOutcomeInput["codeTypes"];
  readonly policy: Policy;
}

export interface BookDefaultRewardsOptions {
  readonly catalogue: CatalogueCache;
  readonly allocations: AllocationTable;
  readonly state: DecisionStore & ContributionStore;
  readonly eventLog: GenerationHistories;
  readonly drain: EventDrain;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly intervalMs: number;
}

/**
 * Books the policy's default reward for generations whose attribution window has closed without any outcome.
 * Every replica looks; the generation's ledger tells a booking that is repeated, and a default counts only while no
 * outcome with a weight is known, so neither a second replica nor an outcome on its way to the event log makes one
 * generation two samples. Windows that closed more than {@link defaultRewardSecondsMax} ago, because no process
 * was running, are left out: ledgers are not kept for longer.
 */
export class BookDefaultRewards {
  readonly #options: BookDefaultRewardsOptions;
  /** By scope: windows that closed before this moment have been looked at. */
  readonly #doneUntilMs = new Map<string, number>();
  readonly #rounds: RepeatedWork;
  #stopped = false;

  constructor(options: BookDefaultRewardsOptions) {
    this.#options = options;
    const { intervalMs, telemetry, logger } = options;
    this.#rounds = new RepeatedWork({
      pauseMs: intervalMs,
      work: () => this.run(),
      onFailure(error) {
        const reason = error instanceof BanditError ? error.reason : "BUG";
        telemetry.count("bandit_default_reward_failures_total", { reason });
        logger.error("default rewards could not be booked; the next round tries again", { error });
      },
    });
  }

  start(): void {
    this.#rounds.start();
  }

  /** Ends the schedule and waits for the round under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#rounds.stop();
  }

  /**
   * One round over all agent types. One that fails does not keep the others from theirs, unless an engine is down.
   * @returns how many were booked. @throws BanditError the first failure, at the end of the round.
   */
  async run(): Promise<number> {
    const failures: unknown[] = [];
    let booked = 0;
    for (const entry of this.#options.catalogue.view.listAgentTypes()) {
      if (entry.mode !== "learning") continue;
      for (const scope of scopesOf(entry)) {
        if (this.#stopped) return booked;
        try {
          booked += await this.#book(entry, scope);
        } catch (error) {
          if (error instanceof BanditError && error.code === "unavailable") throw error;
          failures.push(error);
        }
      }
    }
    if (failures.length > 0) throw failures[0];
    return booked;
  }

  async #book(entry: AgentTypeEntry, { name, codeTypes, policy }: Scope): Promise<number> {
    const { agentType, modeSinceMs } = entry.record;
    const { eventLog, drain, clock, telemetry } = this.#options;
    const nowMs = clock.nowMs();
    const closedBeforeMs = nowMs - policy.attributionWindowSeconds * 1000;
    const oldestMs = closedBeforeMs - defaultRewardSecondsMax * 1000;
    const doneUntilMs = this.#doneUntilMs.get(name) ?? 0;
    // While nothing was learned, answered decisions were not learned from: the silent ones alone would mislead.
    let decidedFromMs = Math.max(oldestMs, doneUntilMs - overlapMs, modeSinceMs);
    let afterGenerationId: UnansweredDecision["generationId"] | undefined;
    // Every event acknowledged before now is in the log after this.
    await drain.flush();
    let booked = 0;
    for (;;) {
      const page = await eventLog.listWithoutOutcome({
        agentType,
        codeTypes,
        decidedFromMs,
        decidedToMs: closedBeforeMs,
        limit: pageRowsMax,
        ...(afterGenerationId === undefined ? {} : { afterGenerationId }),
      });
      const results = await Promise.all(page.map((decision) => this.#apply(decision, policy)));
      const isNew = results.filter(Boolean).length;
      telemetry.count("bandit_default_rewards_total", {}, isNew);
      booked += isNew;
      const last = page.at(-1);
      if (last === undefined || page.length < pageRowsMax) break;
      decidedFromMs = last.decidedAtMs;
      afterGenerationId = last.generationId;
    }
    this.#doneUntilMs.set(name, closedBeforeMs);
    return booked;
  }

  async #apply(decision: UnansweredDecision, policy: Policy): Promise<boolean> {
    const { state, allocations, clock } = this.#options;
    if (!allocations.admit(decision)) return false;
    const { generationId, agentType, codeType, variantId, decidedAtMs } = decision;
    const closedAtMs = decidedAtMs + policy.attributionWindowSeconds * 1000;
    const contribution = {
      component: defaultRewardComponent,
      value: policy.defaultReward as number,
      weight: policy.reward.components.reduce((sum, { weight }) => sum + weight, 0),
      penalty: 0,
    };
    const row: OutcomeRow = {
      outcome_id: defaultOutcomeId,
      generation_id: generationId,
      agent_type: agentType,
      code_type: codeType,
      variant_id: variantId,
      source: "default",
      metrics: {},
      action: "",
      comment: "",
      user_hash: "",
      ci_pipeline: "",
      ci_url: "",
      ...contributionColumns([contribution], true),
      late: 0,
      decided_at: formatEventTime(decidedAtMs),
      occurred_at: formatEventTime(closedAtMs),
      received_at: formatEventTime(clock.nowMs()),
    };
    // Where late outcomes are learned from, one may yet have to replace the default, long after this round.
    const record = await state.findDecision(generationId);
    const { status } = await state.applyContributions({
      ...contributionTarget(decision),
      eventId: `outcome:${defaultOutcomeId}`,
      occurredAtMs: closedAtMs,
      contributions: [contribution],
      event: { stream: "outcomes", row: JSON.stringify(row) },
      ttlSeconds: defaultLedgerTtlSeconds(record, clock.nowMs()),
    });
    return status !== "duplicate";
  }
}

/** The agent type's own policy for all code types without an override, and every override; those with a default. */
function scopesOf(entry: AgentTypeEntry): Scope[] {
  const { agentType } = entry.record;
  const overridden: CodeType[] = [...entry.overrides.keys()];
  const scopes: Scope[] = [
    { name: agentType, codeTypes: { except: overridden }, policy: entry.policy.policy },
  ];
  for (const [codeType, { policy }] of entry.overrides) {
    scopes.push({ name: `${agentType}|${codeType}`, codeTypes: { only: [codeType] }, policy });
  }
  return scopes.filter(({ policy }) => policy.defaultReward !== undefined);
}
