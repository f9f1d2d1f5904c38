import { setTimeout as sleep } from "node:timers/promises";
import { zeroTotals } from "../../domain/contribution.ts";
import type { VariantId } from "../../domain/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DeadLetterStore } from "../../ports/dead-letters.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { ArmGroup } from "../../ports/state-repair.ts";
import type { ArmKey, ArmTotals, StateStore } from "../../ports/state-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { RebuildRequest, RebuildStep, RebuildSummary } from "../api/repair.ts";
import type { CatalogueCache } from "../catalogue/catalogue-cache.ts";
import { policyFor } from "../catalogue/catalogue-view.ts";
import { differencesOf } from "./compare-totals.ts";
import { FollowedGroup } from "./followed-group.ts";
import { batchesOf, type Group } from "./group-batches.ts";
import { type LackingArm, lackingArms, logLacksGenerations } from "./lacking-arms.ts";
import { LogBeginnings } from "./log-beginnings.ts";
import { passOutbox } from "./outbox-barrier.ts";
import { readPages, requireGoing } from "./read-pages.ts";
import { countRefusedLearned, requireNoneRefused } from "./refused-learned.ts";
import { restoredFromMs, restoredStateOf } from "./restored-state.ts";

/** Rounds over arms that do not hold still, 5 s of pauses in all. */
const roundsMax = 16;
const pauseMsMin = 25;
const pauseMsMax = 400;
/** Groups whose totals are read together, so that one wait for the outbox serves them all. */
const batchGroupsMax = 64;

export interface RebuildDependencies {
  readonly state: StateStore;
  readonly eventLog: EventLog;
  readonly deadLetters: DeadLetterStore;
  readonly catalogue: CatalogueCache;
  readonly drain: { flush(): Promise<void> };
  /** Told when everything was put in its place. */
  readonly onRestored: () => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Days after which the event log deletes events. Undefined: never. */
  readonly eventRetentionDays: number | undefined;
}

type Versioned = ReadonlyMap<VariantId, ArmTotals>;

/**
 * One rebuild. Why nothing that comes in meanwhile is lost or counted twice:
 *
 * 1. What a generation adds to its arm changes by the difference of two states of its ledger, in one atomic
 *    step with the ledger. So totals that were once the sum over all ledgers stay that.
 * 2. Ledgers are put in order first, by union with what the log has, without touching totals. A report that
 *    comes before its ledger is whole changes the totals wrongly; that does not matter, since they are
 *    replaced later by what the log gives, and the report is in the log.
 * 3. Then, for each code type: its totals are read with their versions; everything that is in the outbox is
 *    waited for, so the log has all that these totals are made of; the log is added up. Whatever of it a ledger
 *    lacks is added, and then the code type is begun again, so the rest holds only for whole ledgers.
 * 4. The sums are put in the place of totals that still have the version that was read. If they do, no
 *    report has changed them since, so the sums are those of the ledgers; if they do not, it is done again. A
 *    report that raises no version has not changed what its generation adds, so no sum either.
 *
 * Every step may be repeated, and being cut off after any of them leaves no more wrong than it was.
 */
export class RebuildRun {
  readonly #deps: RebuildDependencies;
  readonly #request: RebuildRequest;
  readonly #signal: AbortSignal;
  readonly #beginnings: LogBeginnings;
  readonly #sums = {
    arms: 0,
    armsDifferent: 0,
    armsReplaced: 0,
    armsUnsettled: 0,
    armsBeyondLog: 0,
    armsWithoutEvents: 0,
    deadLetters: 0,
    decisionsRestored: 0,
    ledgersRestored: 0,
    eventsRead: 0,
  } satisfies RebuildSummary;
  #groupsDone = 0;
  #groupsTotal = 0;

  constructor(deps: RebuildDependencies, request: RebuildRequest, signal: AbortSignal) {
    this.#deps = deps;
    this.#request = request;
    this.#signal = signal;
    this.#beginnings = new LogBeginnings(deps);
  }

  async *steps(): AsyncGenerator<RebuildStep, void, void> {
    const { state, logger, onRestored } = this.#deps;
    const { check, agentType } = this.#request;
    const known = await this.#liveArms();
    // Before the list: of a code type there may be nothing yet but events that are under way.
    await this.#passOutbox();
    const groups = await this.#groups(known);
    this.#groupsTotal = groups.length;
    yield this.#progress("listing what was learned");
    if (!check) yield* this.#restore();
    yield* this.#settle(groups);
    if (!check && agentType === undefined && this.#sums.armsUnsettled === 0) {
      await state.repair.markRestored();
      await onRestored();
    }
    if (check) this.#sums.deadLetters = await countRefusedLearned(this.#deps.deadLetters);
    else logger.info("posteriors were rebuilt from the event log", { ...this.#sums });
    yield { kind: "summary", ...this.#sums };
  }

  /** Everything acknowledged until now is in the log afterwards. Rows that it refuses are dead letters by then. */
  async #passOutbox(): Promise<void> {
    await passOutbox(this.#deps, this.#signal);
    if (!this.#request.check) await requireNoneRefused(this.#deps.deadLetters);
  }

  async #liveArms(): Promise<readonly ArmTotals[]> {
    const { agentType: only } = this.#request;
    const arms: ArmTotals[] = [];
    for await (const arm of this.#deps.state.listTotals()) {
      if (only === undefined || arm.agentType === only) arms.push(arm);
    }
    return arms;
  }

  /**
   * Code types that the log or the state store knows.
   * @param known as of before the outbox was waited for
   * @throws BanditError failed_precondition (`EVENT_LOG_LACKS_GENERATIONS`)
   */
  async #groups(known: readonly ArmTotals[]): Promise<Group[]> {
    const { eventLog, catalogue } = this.#deps;
    const { agentType: only, check, force } = this.#request;
    const logged = await eventLog.listLearnedArms(only);
    if (!check && force !== true) await this.#requireWhole(lackingArms(known, logged));
    const groups = new Map<string, Group>();
    const add = ({ agentType, codeType }: ArmGroup, events: number): void => {
      const name = `${agentType}|${codeType}`;
      const before = groups.get(name)?.events ?? 0;
      groups.set(name, {
        ...{ agentType, codeType, events: before + events },
        ...{ settled: new Set(), unsettled: 0 },
      });
    };
    for (const arm of logged) add(arm, arm.events);
    for (const arm of [...known, ...(await this.#liveArms())]) add(arm, 0);
    if (only !== undefined && groups.size === 0) catalogue.view.getAgentType(only);
    return [...groups.values()];
  }

  /** Lets pass what the log has deleted in its time, or has nothing of at all: such arms are left as they are. */
  async #requireWhole(lacking: readonly LackingArm[]): Promise<void> {
    const beginnings = await Promise.all(lacking.map((arm) => this.#beginnings.of(arm.agentType)));
    const unexplained = lacking.filter((_, index) => beginnings[index] === "whole");
    if (unexplained.length > 0) throw logLacksGenerations(unexplained);
  }

  /** Puts decisions and ledgers back that something may still be learned of. */
  async *#restore(): AsyncGenerator<RebuildStep, void, void> {
    const { state, catalogue, clock } = this.#deps;
    const { agentType: only } = this.#request;
    for (const entry of catalogue.view.listAgentTypes()) {
      const { agentType } = entry.record;
      if (only !== undefined && only !== agentType) continue;
      const nowMs = clock.nowMs();
      const decidedFromMs = restoredFromMs(entry, nowMs);
      const wanted = { agentType, decidedFromMs, learnedOnly: false };
      for await (const page of readPages(this.#deps.eventLog, wanted, this.#signal)) {
        const { decisions, ledgers } = restoredStateOf(page.generations, entry, nowMs);
        this.#sums.decisionsRestored += await state.repair.restoreDecisions(decisions);
        this.#sums.ledgersRestored += await state.repair.restoreLedgers(ledgers);
        for (const { events } of page.generations) this.#sums.eventsRead += events.length;
        yield this.#progress(`restoring generations of ${agentType}`);
      }
    }
  }

  /** Compares or replaces the totals of every group; those that move are begun again. */
  async *#settle(groups: readonly Group[]): AsyncGenerator<RebuildStep, void, void> {
    let waiting = groups;
    for (let round = 0; waiting.length > 0 && round < roundsMax; round += 1) {
      if (round > 0) await sleep(Math.min(pauseMsMin * 2 ** (round - 1), pauseMsMax));
      const moved: Group[] = [];
      // The fewer at once, the shorter a group has to hold still.
      for (const batch of batchesOf(waiting, Math.max(batchGroupsMax >> (2 * round), 1))) {
        const before = await Promise.all(batch.map((group) => this.#readTotals(group)));
        await this.#passOutbox();
        for (const [index, group] of batch.entries()) {
          yield* this.#settleGroup(group, before[index] as Versioned);
          if (group.unsettled > 0) moved.push(group);
          else {
            delete group.followed;
            this.#groupsDone += 1;
          }
          yield this.#progress(`${group.agentType} ${group.codeType}`);
        }
      }
      waiting = moved;
    }
    for (const { unsettled } of waiting) this.#sums.armsUnsettled += unsettled;
    this.#sums.arms = this.#sums.armsUnsettled;
    for (const { settled } of groups) this.#sums.arms += settled.size;
  }

  /** @param before its totals, read before everything that was in the outbox then has reached the log */
  async *#settleGroup(group: Group, before: Versioned): AsyncGenerator<RebuildStep, void, void> {
    const { check, force } = this.#request;
    const { arms, lacking } = await this.#recompute(group);
    const now = await this.#readTotals(group);
    group.unsettled = 0;
    for (const variantId of new Set([...before.keys(), ...arms.keys()])) {
      if (group.settled.has(variantId)) continue;
      const live = before.get(variantId);
      const totals = arms.get(variantId) ?? zeroTotals;
      const hasMoved = lacking > 0 || now.get(variantId)?.version !== live?.version;
      const differences = hasMoved ? [] : differencesOf(live?.totals, totals);
      const arm = { agentType: group.agentType, codeType: group.codeType, variantId };
      if (differences.length > 0) {
        const isShort = (live?.totals.generations ?? 0) > totals.generations;
        const beginning = isShort ? await this.#beginnings.of(group.agentType) : "whole";
        if (beginning === "cut") this.#sums.armsBeyondLog += 1;
        if (beginning === "empty") this.#sums.armsWithoutEvents += 1;
        const isLeft = force !== true && (beginning === "cut" || (beginning === "empty" && !check));
        if (!isLeft) {
          if (!check && !(await this.#replace(arm, live, totals))) {
            group.unsettled += 1;
            continue;
          }
          this.#sums.armsDifferent += 1;
          for (const difference of differences) yield { kind: "difference", arm, ...difference };
        }
      }
      if (hasMoved) group.unsettled += 1;
      else group.settled.add(variantId);
    }
  }

  /** Also adds what ledgers lack; `lacking` is how many did. */
  async #recompute(group: Group): Promise<{ arms: FollowedGroup["arms"]; lacking: number }> {
    const { state, eventLog, catalogue, clock } = this.#deps;
    const entry = catalogue.view.findAgentType(group.agentType);
    const policy = entry === undefined ? undefined : policyFor(entry, group.codeType);
    group.followed ??= new FollowedGroup({ group, eventLog, policy });
    let lacking = 0;
    this.#sums.eventsRead += await group.followed.read({
      signal: this.#signal,
      onPage: async ({ generations }) => {
        if (this.#request.check || entry === undefined) return;
        const { ledgers } = restoredStateOf(generations, entry, clock.nowMs());
        lacking += await state.repair.restoreLedgers(ledgers);
      },
    });
    this.#sums.ledgersRestored += lacking;
    return { arms: group.followed.arms, lacking };
  }

  async #replace(
    arm: ArmKey,
    live: ArmTotals | undefined,
    totals: ArmTotals["totals"],
  ): Promise<boolean> {
    const { state, clock } = this.#deps;
    const replaced = await state.repair.replaceTotals({
      ...arm,
      totals,
      expectedVersion: live?.version ?? 0,
      // No arm changes a thousand times a second for ever: above every version that a process remembers.
      versionMin: clock.nowMs(),
    });
    if (replaced) this.#sums.armsReplaced += 1;
    return replaced;
  }

  async #readTotals(group: ArmGroup): Promise<Versioned> {
    const arms = await this.#deps.state.repair.readTotals(group);
    return new Map(arms.map((arm) => [arm.variantId, arm]));
  }

  #progress(doing: string): RebuildStep {
    requireGoing(this.#signal);
    const { eventsRead } = this.#sums;
    return {
      kind: "progress",
      doing,
      groupsDone: this.#groupsDone,
      groupsTotal: this.#groupsTotal,
      eventsRead,
    };
  }
}
