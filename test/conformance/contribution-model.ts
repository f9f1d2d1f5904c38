import fc from "fast-check";
import {
  generationTotals,
  type LedgerEntry,
  type RewardTotals,
  supersedes,
} from "../../src/domain/contribution.ts";
import type { CodeType, GenerationId } from "../../src/domain/ids.ts";
import type { ApplyContributionsInput, StateStore } from "../../src/ports/state-store.ts";
import { contributionInput, newGenerationId, sampleArm } from "../support/state-samples.ts";
import { totalsOf } from "./state-store-harness.ts";

type Supersedes = typeof supersedes;
type Status = "applied" | "replaced" | "superseded" | "duplicate";

interface Delivery {
  readonly generation: number;
  readonly eventId: string;
  readonly occurredAtMs: number;
  readonly contributions: ApplyContributionsInput["contributions"];
}

const components = ["a", "ci", "cost"] as const;
const number01 = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constantFrom(0, 0.1, 0.3, 0.7, 1, 5e-324),
);

const contributionsArbitrary = fc
  .uniqueArray(fc.constantFrom(...components), { maxLength: 3 })
  .chain((chosen) =>
    fc.tuple(
      ...chosen.map((component) =>
        fc
          .tuple(number01, number01)
          .map(([value, size]) =>
            component === "cost"
              ? { component, value: 0, weight: 0, penalty: size }
              : { component, value, weight: size === 0 ? 0.25 : size, penalty: 0 },
          ),
      ),
    ),
  );

/** Events of up to three generations, delivered in any order, some of them twice, in runs of calls made together. */
export const historyArbitrary = fc
  .uniqueArray(
    fc.record({
      generation: fc.nat({ max: 2 }),
      eventId: fc.constantFrom("a", "B", "b", "aa", "~", "generation", "10", "9"),
      occurredAtMs: fc.constantFrom(0, 1, 1_700_000_000_000, 1_700_000_000_001),
      contributions: contributionsArbitrary,
    }),
    { maxLength: 14, selector: (event) => `${event.generation} ${event.eventId}` },
  )
  .chain((events) =>
    fc.record({
      events: fc.constant(events as Delivery[]),
      deliveries: fc
        .tuple(
          fc.shuffledSubarray(events, { minLength: events.length, maxLength: events.length }),
          fc.shuffledSubarray(events),
        )
        .map(([first, again]) => [...first, ...again] as Delivery[]),
      together: fc.integer({ min: 1, max: 6 }),
    }),
  );

/** The newest value of each component, by `wins`, summed over the generations. */
function recompute(events: readonly Delivery[], wins: Supersedes): RewardTotals {
  const sum = { reward: 0, weight: 0, generations: 0 };
  for (const generation of new Set(events.map((event) => event.generation))) {
    const entries = new Map<string, LedgerEntry>();
    for (const event of events.filter((each) => each.generation === generation)) {
      for (const contribution of event.contributions) {
        const entry = { ...contribution, ...event };
        const current = entries.get(entry.component);
        if (current === undefined || wins(entry, current)) entries.set(entry.component, entry);
      }
    }
    const totals = generationTotals(entries.values());
    sum.reward += totals.reward;
    sum.weight += totals.weight;
    sum.generations += totals.generations;
  }
  return sum;
}

/** The status each delivery must get. */
function expectedStatuses(deliveries: readonly Delivery[], wins: Supersedes): Status[] {
  const seen = new Set<string>();
  const current = new Map<string, Delivery>();
  return deliveries.map((delivery) => {
    const eventKey = `${delivery.generation} ${delivery.eventId}`;
    if (seen.has(eventKey)) return "duplicate";
    seen.add(eventKey);
    let older = 0;
    let replaced = 0;
    for (const { component } of delivery.contributions) {
      const key = `${delivery.generation} ${component}`;
      const before = current.get(key);
      if (before !== undefined && !wins(delivery, before)) {
        older += 1;
        continue;
      }
      if (before !== undefined) replaced += 1;
      current.set(key, delivery);
    }
    if (older > 0 && older === delivery.contributions.length) return "superseded";
    return replaced > 0 ? "replaced" : "applied";
  });
}

let histories = 0;

/**
 * Delivers a history to an arm of its own and compares statuses and totals with the plain recomputation.
 * @throws when they differ by more than 1e-9 relative.
 */
export async function checkHistory(
  store: StateStore,
  history: { events: Delivery[]; deliveries: Delivery[]; together: number },
  wins: Supersedes = supersedes,
): Promise<void> {
  histories += 1;
  const arm = { ...sampleArm, codeType: `model_${histories}` as CodeType };
  const ids: GenerationId[] = [newGenerationId(), newGenerationId(), newGenerationId()];
  const statuses: Status[] = [];
  for (let from = 0; from < history.deliveries.length; from += history.together) {
    const run = history.deliveries.slice(from, from + history.together);
    const results = await Promise.all(
      run.map((delivery) =>
        store.applyContributions(
          contributionInput({
            ...arm,
            generationId: ids[delivery.generation] as GenerationId,
            eventId: delivery.eventId,
            occurredAtMs: delivery.occurredAtMs,
            contributions: delivery.contributions,
          }),
        ),
      ),
    );
    statuses.push(...results.map((result) => result.status));
  }
  const expected = expectedStatuses(history.deliveries, wins);
  if (statuses.join() !== expected.join()) {
    throw new Error(`statuses ${statuses.join()} instead of ${expected.join()}`);
  }
  const stored = (await totalsOf(store, arm))?.totals ?? { reward: 0, weight: 0, generations: 0 };
  const model = recompute(history.events, wins);
  for (const sum of ["reward", "weight", "generations"] as const) {
    const differs = Math.abs(stored[sum] - model[sum]) > 1e-9 * Math.max(model[sum], 1e-6);
    if (differs || stored[sum] < 0)
      throw new Error(`${sum} ${stored[sum]} instead of ${model[sum]}`);
  }
}
