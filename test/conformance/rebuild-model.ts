import { type RewardTotals, zeroTotals } from "../../src/domain/contribution.ts";
import type { CodeType, GenerationId } from "../../src/domain/ids.ts";
import type { LoggedGeneration } from "../../src/ports/generation-log.ts";
import type { ArmKey, StateStore } from "../../src/ports/state-store.ts";
import { ledgerOf, loggedPosition } from "../../src/service/rebuild/logged-ledger.ts";
import { RecomputedTotals } from "../../src/service/rebuild/recompute-totals.ts";
import { book, newGenerationId, sampleArm } from "../support/state-samples.ts";
import {
  type Delivery,
  type History,
  type Place,
  placeOf,
  requireTotals,
} from "./contribution-model.ts";
import { historyPolicy, loggedEvent, loggedGeneration } from "./history-clock.ts";

/** When what happens. */
export interface Schedule {
  /** So many deliveries came before the state was lost: the log alone has them. */
  readonly lost: number;
  /** They are delivered once more afterwards. */
  readonly again: boolean;
  /** So many of those are still on their way to the log, in another process, when the rebuild begins. */
  readonly orphans: number;
  /** So many come before each step of the rebuild. */
  readonly between: readonly number[];
}

/** What makes a rebuild right, each of which a negative control leaves out. */
export interface RebuildRules {
  readonly restoresLedgers: boolean;
  /** The version is the one that was read before the log was. */
  readonly comparesVersions: boolean;
  /** Ledgers that lacked something make it begin anew. */
  readonly beginsAnew: boolean;
  /** Ledgers are put back with the forgetting position of what was booked. */
  readonly restoresPositions: boolean;
}

const trueRules: RebuildRules = {
  restoresLedgers: true,
  comparesVersions: true,
  beginsAnew: true,
  restoresPositions: true,
};

export const wrongRebuilds: Readonly<Record<string, Partial<RebuildRules>>> = {
  "ledgers are not put back": { restoresLedgers: false },
  "ledgers are put back without their positions": { restoresPositions: false },
  "totals are replaced whatever has changed them": { comparesVersions: false },
};

let rebuilds = 0;

/**
 * A report of costs comes after the version was read and before the ledger is whole, because an outcome has only
 * just reached the log: it changes no totals by itself, so it raises no version, and the log was read without it.
 */
export const unnoticedReport: { history: History; schedule: Schedule } = (() => {
  const part = { value: 0, weight: 0, penalty: 0 };
  const outcome: Delivery = {
    ...{ generation: 0, eventId: "a", occurredAtMs: 1 },
    contributions: [{ ...part, component: "ci", value: 1, weight: 1 }],
  };
  const report: Delivery = {
    ...{ generation: 0, eventId: "generation", occurredAtMs: 2 },
    contributions: [{ ...part, component: "cost", penalty: 0.25 }],
  };
  const events = [outcome, report];
  const places = [0, 0, 0].map((forgettingPosition) => ({ forgettingPosition }));
  return {
    history: { places, events, deliveries: events, together: 1 },
    schedule: { lost: 1, again: false, orphans: 1, between: [0, 0, 0, 1, 0, 0] },
  };
})();

/**
 * Loses the state of an arm in the middle of a history, rebuilds it as `service/rebuild` does while the rest of
 * the history goes on, and compares the end with the plain recomputation.
 * @throws when they differ.
 */
export async function checkRebuild(
  store: StateStore,
  history: History,
  schedule: Schedule,
  wrong: Partial<RebuildRules> = {},
): Promise<void> {
  rebuilds += 1;
  const arm = { ...sampleArm, codeType: `rebuilt_${rebuilds}` as CodeType };
  const site = new RebuildSite(store, arm, history, { ...trueRules, ...wrong });
  await site.run(schedule);
  const [end] = await store.repair.readTotals(arm);
  requireTotals(end?.totals ?? zeroTotals, history);
}

class RebuildSite {
  readonly #store: StateStore;
  readonly #arm: ArmKey;
  readonly #places: readonly Place[];
  readonly #rules: RebuildRules;
  readonly #ids: readonly GenerationId[];
  readonly #waiting: Delivery[];
  readonly #log = new Map<string, Delivery>();

  constructor(store: StateStore, arm: ArmKey, history: History, rules: RebuildRules) {
    this.#store = store;
    this.#arm = arm;
    this.#places = history.places;
    this.#rules = rules;
    this.#ids = history.places.map(() => newGenerationId());
    this.#waiting = [...history.deliveries];
  }

  async run({ lost, again, orphans, between }: Schedule): Promise<void> {
    const before = this.#waiting.slice(0, lost);
    if (!again) this.#waiting.splice(0, lost);
    const late = before.splice(0, orphans);
    for (const delivery of before) this.#write(delivery);
    let step = 0;
    const others = async (): Promise<void> => {
      await this.#deliver(between[step % between.length] ?? 0);
      step += 1;
    };
    await others();
    await this.#restoreLedgers(this.#read());
    for (let isDone = false; !isDone; ) {
      await others();
      const version = await this.#version();
      await others();
      for (const delivery of late.splice(0)) this.#write(delivery);
      const generations = this.#read();
      await others();
      const totals = this.#recompute(generations);
      const lacking = await this.#restoreLedgers(generations);
      await others();
      if (lacking > 0 && this.#rules.beginsAnew) continue;
      isDone = await this.#store.repair.replaceTotals({
        ...this.#arm,
        totals,
        expectedVersion: this.#rules.comparesVersions ? version : await this.#version(),
        versionMin: 0,
      });
    }
    await this.#deliver(this.#waiting.length);
  }

  async #deliver(count: number): Promise<void> {
    for (const delivery of this.#waiting.splice(0, count)) {
      const { status } = await book(this.#store, {
        ...this.#arm,
        ...placeOf(this.#places, delivery),
        generationId: this.#ids[delivery.generation] as GenerationId,
        eventId: delivery.eventId,
        occurredAtMs: delivery.occurredAtMs,
        contributions: delivery.contributions,
      });
      if (status !== "duplicate") this.#write(delivery);
    }
  }

  /** The log has one row for each event. */
  #write(delivery: Delivery): void {
    this.#log.set(`${delivery.generation} ${delivery.eventId}`, delivery);
  }

  /** What the log has now. */
  #read(): readonly LoggedGeneration[] {
    return this.#ids.map((generationId, generation) => {
      const events = [...this.#log.values()]
        .filter((delivery) => delivery.generation === generation)
        .map((delivery) => loggedEvent(delivery));
      const arm = { ...this.#arm, generationId };
      return loggedGeneration(arm, this.#places[generation] as Place, events);
    });
  }

  async #restoreLedgers(generations: readonly LoggedGeneration[]): Promise<number> {
    if (!this.#rules.restoresLedgers) return 0;
    const ledgers = generations
      .filter(({ events }) => events.length > 0)
      .map((generation) => {
        const { agentType, codeType, generationId, events } = generation;
        const position = this.#rules.restoresPositions
          ? loggedPosition(generation, historyPolicy)
          : undefined;
        return {
          ...{ agentType, codeType, generationId },
          eventIds: events.map(({ eventId }) => eventId),
          entries: ledgerOf(events),
          ...(position === undefined ? {} : { position }),
          ttlSeconds: 86_400,
        };
      });
    return this.#store.repair.restoreLedgers(ledgers);
  }

  #recompute(generations: readonly LoggedGeneration[]): RewardTotals {
    const recomputed = new RecomputedTotals(historyPolicy);
    for (const generation of generations) recomputed.add(generation);
    return recomputed.arms.get(this.#arm.variantId) ?? zeroTotals;
  }

  async #version(): Promise<number> {
    const [totals] = await this.#store.repair.readTotals(this.#arm);
    return totals?.version ?? 0;
  }
}
