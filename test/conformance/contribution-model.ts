import fc from "fast-check";
import {
  type ContextTotals,
  type Contribution,
  type DecisionContext,
  defaultRewardComponent,
  type RewardTotals,
  zeroTotals,
} from "../../src/domain/contribution.ts";
import type { CodeType, GenerationId } from "../../src/domain/ids.ts";
import type { StateStore } from "../../src/ports/state-store.ts";
import { book, newGenerationId, sampleArm } from "../support/state-samples.ts";
import { totalsOf } from "./state-store-harness.ts";

type Status = "applied" | "replaced" | "superseded" | "duplicate";

export interface Delivery {
  readonly generation: number;
  readonly eventId: string;
  readonly occurredAtMs: number;
  readonly contributions: readonly Contribution[];
  /** The clock by which it was booked allowed no larger forgetting position. Absent: the decision's own. */
  readonly positionMax?: number;
}

/** What the decision of one generation carries. */
export interface Place {
  readonly forgettingPosition: number;
  readonly context?: DecisionContext;
}

/** What an arm has been told. */
export interface Reports {
  /** Of each generation. */
  readonly places: readonly Place[];
  readonly events: readonly Delivery[];
}

export interface History extends Reports {
  /** The events in any order, some of them twice. */
  readonly deliveries: readonly Delivery[];
  /** So many calls are made together. */
  readonly together: number;
}

/** The rules, each of which a negative control replaces by a wrong one. */
export interface Rules {
  /** Whether `a` is counted rather than `b`. */
  readonly wins: (a: Delivery, b: Delivery) => boolean;
  /** Weight of a generation after so many half-lives. */
  readonly decay: (halfLives: number) => number;
  /** A default reward counts beside what is known. */
  readonly defaultAlways: boolean;
  /** Rewards are clamped to 0 … W whatever the values. */
  readonly bounded: boolean;
  /** Contexts of every epoch are added up. */
  readonly mixEpochs: boolean;
  /** Where a generation counts whose events were booked at these positions. */
  readonly place: (positions: readonly number[]) => number;
}

const trueRules: Rules = {
  wins: (a, b) =>
    a.occurredAtMs > b.occurredAtMs || (a.occurredAtMs === b.occurredAtMs && a.eventId > b.eventId),
  decay: (halfLives) => 2 ** -halfLives,
  defaultAlways: false,
  bounded: false,
  mixEpochs: false,
  place: (positions) => Math.min(...positions),
};

/** What must be told apart from the true rules. */
export const wrongRules: Readonly<Record<string, Partial<Rules>>> = {
  "the older value of a component wins": { wins: (a, b) => a.occurredAtMs < b.occurredAtMs },
  "nothing is forgotten": { decay: () => 1 },
  "a half-life is one part in a thousand longer": {
    decay: (halfLives) => 2 ** (-halfLives / 1.001),
  },
  "a default reward counts beside an outcome": { defaultAlways: true },
  "an unbounded reward is cut off": { bounded: true },
  "contexts of different features are added up": { mixEpochs: true },
  "the largest position of a generation counts": { place: (positions) => Math.max(...positions) },
};

const components = ["a", "ci", "cost", defaultRewardComponent] as const;
/** Evenly spread; the library's own doubles are nearly all next to nothing. */
const spread = (from: number, to: number): fc.Arbitrary<number> =>
  fc.nat({ max: 999 }).map((part) => from + ((to - from) * part) / 999);
const number01 = fc.oneof(
  spread(0, 1),
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constantFrom(0, 0.1, 0.3, 0.7, 1, 5e-324),
);
const anyValue = fc.oneof({ arbitrary: number01, weight: 2 }, spread(-50, 50));

const contributionsArbitrary = fc
  .uniqueArray(fc.constantFrom(...components), { maxLength: 3 })
  .chain((chosen) =>
    fc.tuple(
      ...chosen.map((component) =>
        fc
          .tuple(anyValue, number01)
          .map(([value, size]) =>
            component === "cost"
              ? { component, value: 0, weight: 0, penalty: size }
              : { component, value, weight: size === 0 ? 0.25 : size, penalty: 0 },
          ),
      ),
    ),
  );

const placeArbitrary: fc.Arbitrary<Place> = fc
  .record({
    forgettingPosition: fc.oneof(fc.constantFrom(0, 1, 40, 1200), spread(0, 3)),
    epoch: fc.constantFrom(0, 1_700_000_000_000, 1_700_000_000_001),
    values: fc.option(
      fc.array(fc.oneof(fc.constantFrom(0, 1), spread(-10, 10)), {
        minLength: 2,
        maxLength: 3,
      }),
    ),
  })
  .map(({ forgettingPosition, epoch, values }) =>
    values === null ? { forgettingPosition } : { forgettingPosition, context: { epoch, values } },
  );

/** The forgetting position with which an event is booked. */
function bookedPosition(place: Place, { positionMax }: Delivery): number {
  return Math.min(place.forgettingPosition, positionMax ?? place.forgettingPosition);
}

/** A default reward is always booked at the decision's own position, see `service/rebuild`. */
function withinClock({
  positionMax,
  ...event
}: Omit<Delivery, "positionMax"> & { positionMax: number | null }): Delivery {
  const isDefault = event.contributions[0]?.component === defaultRewardComponent;
  return positionMax === null || isDefault ? event : { ...event, positionMax };
}

/** Events of up to three generations. */
export const historyArbitrary: fc.Arbitrary<History> = fc
  .uniqueArray(
    fc.record({
      generation: fc.nat({ max: 2 }),
      eventId: fc.constantFrom("a", "B", "b", "aa", "~", "generation", "10", "9"),
      occurredAtMs: fc.constantFrom(0, 1, 1_700_000_000_000, 1_700_000_000_001),
      contributions: contributionsArbitrary,
      positionMax: fc.option(fc.oneof(fc.constantFrom(0, 1, 39, 41), spread(0, 3))),
    }),
    { maxLength: 14, selector: (event) => `${event.generation} ${event.eventId}` },
  )
  .map((events) => events.map(withinClock))
  .chain((events) =>
    fc.record({
      places: fc.array(placeArbitrary, { minLength: 3, maxLength: 3 }),
      events: fc.constant(events),
      deliveries: fc
        .tuple(
          fc.shuffledSubarray(events, { minLength: events.length, maxLength: events.length }),
          fc.shuffledSubarray(events),
        )
        .map(([first, again]) => [...first, ...again]),
      together: fc.integer({ min: 1, max: 6 }),
    }),
  );

/** One generation as the formula on the page of the domain has it, written down a second time. */
interface Counted extends Place {
  readonly reward: number;
  readonly weight: number;
  /** Largest |observation| that any of its events, replaced ones too, could make of it, and their weights. */
  readonly size: number;
  readonly weights: number;
  /** The largest position that any of its events was booked with. */
  readonly positionMax: number;
}

function countGenerations(history: Reports, rules: Rules): Counted[] {
  return history.places.flatMap((place, generation) => {
    const events = history.events.filter((event) => event.generation === generation);
    const newest = new Map<string, { event: Delivery; contribution: Contribution }>();
    for (const event of events) {
      for (const contribution of event.contributions) {
        const current = newest.get(contribution.component);
        if (current === undefined || rules.wins(event, current.event)) {
          newest.set(contribution.component, { event, contribution });
        }
      }
    }
    const known = [...newest.values()].map(({ contribution }) => contribution);
    const real = known.filter(
      ({ component, weight }) => weight > 0 && component !== defaultRewardComponent,
    );
    const counted =
      real.length > 0 && !rules.defaultAlways ? real : known.filter(({ weight }) => weight > 0);
    if (counted.length === 0) return [];
    const sum = (of: (part: Contribution) => number): number =>
      counted.reduce((total, part) => total + of(part), 0);
    const weight = sum((part) => part.weight);
    const penalty = known.reduce((total, part) => total + part.penalty, 0);
    const lowest = rules.bounded ? 0 : sum((part) => part.weight * Math.min(part.value, 0));
    const highest = rules.bounded ? weight : sum((part) => part.weight * Math.max(part.value, 1));
    const earned = sum((part) => part.weight * part.value) - penalty;
    const all = events.flatMap((event) => event.contributions);
    const positions = events
      .filter(({ contributions }) => contributions.length > 0)
      .map((event) => bookedPosition(place, event));
    return {
      ...place,
      forgettingPosition: rules.place(positions),
      positionMax: Math.max(...positions),
      weight,
      reward: Math.min(Math.max(earned, lowest), highest),
      size: Math.max(1, ...all.map((part) => Math.abs(part.value))),
      weights: all.reduce((total, part) => total + part.weight, 0),
    };
  });
}

/** A sum as it should be, and the largest that it can have been on the way. */
interface Expected {
  readonly value: number;
  readonly size: number;
}

/** Over generations, of a value and the largest that it can have been. */
type Sum = (
  over: readonly Counted[],
  of: (each: Counted) => readonly [value: number, size: number],
) => Expected;

interface ExpectedTotals {
  readonly sums: Readonly<Record<"reward" | "weight" | "squares", Expected>>;
  readonly generations: number;
  /** Where the sums may refer to, at least and at most; they are given as of the position asked for. */
  readonly positions: readonly [number, number];
  readonly context?: { epoch: number; products: Expected[]; rewards: Expected[] };
}

/**
 * The totals of an arm, as they count at `asOf`, from the full list of its events. Nothing counts more than once over:
 * where a clock was ahead, forgetting stands where that clock has put it.
 */
export function recompute(history: Reports, asOf: number, rules = trueRules): ExpectedTotals {
  const generations = countGenerations(history, rules);
  const position = Math.max(asOf, ...generations.map((each) => each.forgettingPosition));
  const sum: Sum = (over, of) => {
    const total = { value: 0, size: 0 };
    for (const each of over) {
      const [value, size] = of(each);
      total.value += rules.decay(position - each.forgettingPosition) * value;
      total.size += rules.decay(Math.max(position - each.positionMax, 0)) * size;
    }
    return total;
  };
  const sums = {
    reward: sum(generations, (each) => [each.reward, each.weights * each.size]),
    weight: sum(generations, (each) => [each.weight, each.weights]),
    squares: sum(generations, (each) => [
      each.weight * (each.reward / each.weight) ** 2,
      each.weights * each.size ** 2,
    ]),
  };
  const context = recomputeContext(generations, rules, sum);
  return {
    sums,
    generations: generations.length,
    positions: [
      Math.max(0, ...generations.map((each) => each.forgettingPosition)),
      Math.max(0, ...generations.map((each) => each.positionMax)),
    ],
    ...(context === undefined ? {} : { context }),
  };
}

function recomputeContext(
  generations: readonly Counted[],
  rules: Rules,
  sum: Sum,
): ExpectedTotals["context"] {
  const [newest] = generations
    .flatMap(({ context }) => (context === undefined ? [] : [context]))
    .toSorted((a, b) => b.epoch - a.epoch || b.values.length - a.values.length);
  if (newest === undefined) return undefined;
  const over = generations.filter(
    ({ context }) =>
      context?.values.length === newest.values.length &&
      (rules.mixEpochs || context.epoch === newest.epoch),
  );
  const x = (each: Counted, at: number): number => each.context?.values[at] ?? 0;
  const at = newest.values.map((_, index) => index);
  return {
    epoch: newest.epoch,
    products: at.flatMap((row) =>
      at.slice(row).map((column) =>
        sum(over, (each) => {
          const product = x(each, row) * x(each, column);
          return [each.weight * product, each.weights * Math.abs(product)];
        }),
      ),
    ),
    rewards: at.map((row) =>
      sum(over, (each) => [
        each.reward * x(each, row),
        each.weights * each.size * Math.abs(x(each, row)),
      ]),
    ),
  };
}

/** The status each delivery must get. */
function expectedStatuses(deliveries: readonly Delivery[], wins: Rules["wins"]): Status[] {
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

/** What `delivery` is booked with. */
export function placeOf(places: readonly Place[], delivery: Delivery): Place {
  const place = places[delivery.generation] as Place;
  return { ...place, forgettingPosition: bookedPosition(place, delivery) };
}

let histories = 0;

/**
 * Delivers a history to an arm of its own and compares statuses and totals with the plain recomputation.
 * @throws when they differ by more than 1e-9 of the largest that a sum can have been.
 */
export async function checkHistory(
  store: StateStore,
  history: History,
  wrong: Partial<Rules> = {},
): Promise<void> {
  const rules = { ...trueRules, ...wrong };
  histories += 1;
  const arm = { ...sampleArm, codeType: `model_${histories}` as CodeType };
  const ids: GenerationId[] = [newGenerationId(), newGenerationId(), newGenerationId()];
  const statuses: Status[] = [];
  for (let from = 0; from < history.deliveries.length; from += history.together) {
    const run = history.deliveries.slice(from, from + history.together);
    const results = await Promise.all(
      run.map((delivery) =>
        book(store, {
          ...arm,
          ...placeOf(history.places, delivery),
          generationId: ids[delivery.generation] as GenerationId,
          eventId: delivery.eventId,
          occurredAtMs: delivery.occurredAtMs,
          contributions: delivery.contributions,
        }),
      ),
    );
    statuses.push(...results.map((result) => result.status));
  }
  const expected = expectedStatuses(history.deliveries, rules.wins);
  if (statuses.join() !== expected.join()) {
    throw new Error(`statuses ${statuses.join()} instead of ${expected.join()}`);
  }
  requireTotals((await totalsOf(store, arm))?.totals ?? zeroTotals, history, rules);
}

/** @throws when the totals are not those of the history. */
export function requireTotals(
  totals: RewardTotals,
  history: Reports,
  wrong: Partial<Rules> = {},
): void {
  const model = recompute(history, totals.position, { ...trueRules, ...wrong });
  const require = (what: string, actual: number, expected: Expected): void => {
    // Beside the smallest doubles there are no relative bounds.
    if (Math.abs(actual - expected.value) <= 1e-9 * expected.size + 1e-290) return;
    throw new Error(`${what} ${actual} instead of ${expected.value}`);
  };
  for (const sum of ["weight", "reward", "squares"] as const) {
    require(sum, totals[sum], model.sums[sum]);
  }
  if (totals.generations !== model.generations) {
    throw new Error(`generations ${totals.generations} instead of ${model.generations}`);
  }
  const [least, most] = model.positions;
  if (totals.position < least * (1 - 1e-12) || totals.position > most * (1 + 1e-12)) {
    throw new Error(`position ${totals.position} instead of ${least} to ${most}`);
  }
  if (totals.weight < 0 || totals.squares < 0) throw new Error("a sum is negative");
  requireContext(totals.context, model.context, require);
}

function requireContext(
  actual: ContextTotals | undefined,
  expected: ExpectedTotals["context"],
  require: (what: string, actual: number, expected: Expected) => void,
): void {
  if (actual?.epoch !== expected?.epoch) {
    throw new Error(`epoch ${actual?.epoch} instead of ${expected?.epoch}`);
  }
  if (actual === undefined || expected === undefined) return;
  for (const sums of ["products", "rewards"] as const) {
    if (actual[sums].length !== expected[sums].length) throw new Error(`${sums} are incomplete`);
    for (const [index, sum] of expected[sums].entries()) {
      require(`${sums} ${index}`, actual[sums][index] as number, sum);
    }
  }
}
