import { setImmediate as nextTurn } from "node:timers/promises";
import type { RewardTotals } from "../../domain/contribution.ts";
import type { GenerationId, VariantId } from "../../domain/ids.ts";
import type { PolicyRecord } from "../../domain/policy.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { GenerationPage, LoggedGeneration } from "../../ports/generation-log.ts";
import type { ArmGroup } from "../../ports/state-repair.ts";
import { readPages } from "./read-pages.ts";
import { RecomputedTotals } from "./recompute-totals.ts";

/** Generations added up before others have their turn: about 1 ms. */
const generationsPerTurn = 200;
/** What reached the log longer ago than this could be read then: an insert ends or is given up within 30 s. */
const readableWithinMs = 60_000;
/** Generations remembered as they were added; where there are more, everything is read again. */
const recentMaxDefault = 50_000;

/**
 * The totals of one code type as the event log gives them, and how they go on: the first time everything is
 * read, then only generations that have changed since. So an arm needs to hold still for some 0.1 s to be
 * compared, however much has been learned of its code type.
 */
export class FollowedGroup {
  readonly #group: ArmGroup;
  readonly #eventLog: Pick<EventLog, "readClockMs" | "readGenerations">;
  readonly #policy: PolicyRecord | undefined;
  #totals: RecomputedTotals;
  /** Everything that had reached the log before this moment, by its clock, has been added. */
  #readFromMs: number | undefined;
  /** The others: generations with a newer event, as they were added. */
  readonly #recent = new Map<GenerationId, LoggedGeneration>();
  readonly #recentMax: number;
  /** Generations that there was no room for among those. */
  #forgotten = 0;

  constructor(options: {
    group: ArmGroup;
    eventLog: Pick<EventLog, "readClockMs" | "readGenerations">;
    policy: PolicyRecord | undefined;
    /** Default 50,000: about 50 MB. */
    recentMax?: number;
  }) {
    this.#group = options.group;
    this.#eventLog = options.eventLog;
    this.#policy = options.policy;
    this.#recentMax = options.recentMax ?? recentMaxDefault;
    this.#totals = new RecomputedTotals(options.policy);
  }

  /** Arms that something was learned of, as of the last reading. */
  get arms(): ReadonlyMap<VariantId, RewardTotals> {
    return this.#totals.arms;
  }

  /**
   * Takes in what the log has now. After a failure the next call reads everything again.
   * @param options.onPage is told of every page of generations that are new or have changed.
   * @returns how many events were read. @throws BanditError aborted; what the event log says
   */
  async read(options: {
    signal: AbortSignal;
    onPage: (page: GenerationPage) => Promise<void>;
  }): Promise<number> {
    const changedFromMs = this.#forgotten === 0 ? this.#readFromMs : undefined;
    this.#readFromMs = undefined;
    if (changedFromMs === undefined) {
      this.#forgotten = 0;
      this.#totals = new RecomputedTotals(this.#policy);
      this.#recent.clear();
    }
    const nextMs = (await this.#eventLog.readClockMs()) - readableWithinMs;
    let events = 0;
    const { agentType, codeType } = this.#group;
    const wanted = { agentType, codeType, learnedOnly: true };
    for await (const page of readPages(
      this.#eventLog,
      changedFromMs === undefined ? wanted : { ...wanted, changedFromMs },
      options.signal,
    )) {
      for (const [index, generation] of page.generations.entries()) {
        if (changedFromMs !== undefined) this.#remove(generation, changedFromMs);
        events += this.#totals.add(generation);
        if (isNewerThan(generation, nextMs)) this.#remember(generation);
        if (index % generationsPerTurn === generationsPerTurn - 1) await nextTurn();
      }
      await options.onPage(page);
    }
    for (const [id, generation] of this.#recent) {
      if (!isNewerThan(generation, nextMs)) this.#recent.delete(id);
    }
    this.#readFromMs = nextMs;
    return events;
  }

  #remember(generation: LoggedGeneration): void {
    if (this.#recent.size < this.#recentMax) this.#recent.set(generation.generationId, generation);
    else this.#forgotten += 1;
  }

  /** Takes out the earlier sums of the generation. */
  #remove(generation: LoggedGeneration, changedFromMs: number): void {
    const known = this.#recent.get(generation.generationId);
    const events = generation.events.filter(({ ingestedAtMs }) => ingestedAtMs < changedFromMs);
    this.#totals.remove(known ?? { ...generation, events });
    this.#recent.delete(generation.generationId);
  }
}

function isNewerThan({ events }: LoggedGeneration, ms: number): boolean {
  return events.some(({ ingestedAtMs }) => ingestedAtMs >= ms);
}
