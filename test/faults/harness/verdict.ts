import { agentTypeRules } from "./agent-types.ts";
import {
  acceptedTwice,
  type FaultWindow,
  type LoggedCall,
  lateSelects,
  refusalsWithoutDelay,
  strayMarks,
  unmarkedSelects,
  unrecordedSelects,
} from "./call-log.ts";
import { expectedArms, type LedgerModel } from "./ledger-model.ts";

export const streams = ["decisions", "generations", "outcomes"] as const;
export type Stream = (typeof streams)[number];

/** What one table of the event log holds of the code types in question. */
export interface TableRows {
  /** One for each row, copies included; an outcome's is `<generation>/<outcome>`. */
  readonly ids: readonly string[];
  /** Rows that FINAL, and so every view, counts. */
  readonly finalRows: number;
}

export interface LoggedDecision {
  readonly variantId: string;
  /** Forgetting position. */
  readonly position: number;
  readonly decidedAtMs: number;
}

/** What the event log holds. */
export interface LoggedEvents {
  readonly tables: Readonly<Record<Stream, TableRows>>;
  readonly decisions: ReadonlyMap<string, LoggedDecision>;
  /** When each report came in, by the service's clock then: an outcome's id is `<generation>/<outcome>`, a run's `<generation>`. */
  readonly receivedAtMs: ReadonlyMap<string, number>;
}

/** What a replica says of one arm. */
export interface LiveArm {
  readonly agentType: string;
  readonly codeType: string;
  readonly variantId: string;
  /** Without the prior. */
  readonly reward: number;
  readonly weight: number;
  readonly generations: number;
  /** Where forgetting stood when it was asked. */
  readonly position: number;
}

/** How far the event log is from what was acknowledged. Zero everywhere is what I1 promises. */
export interface EventVerdict {
  /** Acknowledged and not in the event log. */
  readonly lost: readonly string[];
  /** Rows that FINAL counts more than once. */
  readonly doubled: number;
  /** Copies of rows that FINAL hides. */
  readonly hiddenCopies: number;
  /** In the event log and never acknowledged. */
  readonly unexpected: readonly string[];
  /** Decisions that were logged with another variant than the agent was given. */
  readonly servedOtherwise: readonly string[];
}

/** Relative, and absolute below 1. */
const toleranceMax = 1e-9;

/**
 * @param options.replicas while the state store is away, two of them may decide for one id, each from the allocation it
 * knows; both answers say that they are degraded, and the first that reaches the store counts.
 */
export function judgeEvents(
  ledger: LedgerModel,
  logged: LoggedEvents,
  { replicas }: { readonly replicas: number } = { replicas: 1 },
): EventVerdict {
  const acknowledged = ledger.acknowledgedIds();
  const lost: string[] = [];
  const unexpected: string[] = [];
  let doubled = 0;
  let hiddenCopies = 0;
  for (const stream of streams) {
    const { ids, finalRows } = logged.tables[stream];
    const distinct = new Set(ids);
    for (const id of acknowledged[stream]) if (!distinct.has(id)) lost.push(`${stream} ${id}`);
    for (const id of distinct) {
      const [generationId = ""] = id.split("/");
      if (acknowledged[stream].has(id) || ledger.unrecorded.has(generationId)) continue;
      unexpected.push(`${stream} ${id}`);
    }
    doubled += finalRows - distinct.size;
    hiddenCopies += ids.length - finalRows;
  }
  const servedOtherwise: string[] = [];
  for (const [generationId, { served, servedDegraded }] of ledger.generations) {
    const binding = [...served, ...(replicas === 1 ? servedDegraded : [])];
    const counted = logged.decisions.get(generationId)?.variantId ?? binding[0];
    if (binding.some((variantId) => variantId !== counted)) servedOtherwise.push(generationId);
  }
  return { lost, doubled, hiddenCopies, unexpected, servedOtherwise };
}

/** Arms whose posterior is not the fold of what was acknowledged (I2, I4), in words. */
export function wrongPosteriors(
  ledger: LedgerModel,
  logged: LoggedEvents,
  live: readonly LiveArm[],
): string[] {
  const wrong: string[] = [];
  const groups = new Map<string, LiveArm[]>();
  for (const arm of live) {
    const name = `${arm.agentType} ${arm.codeType}`;
    groups.set(name, [...(groups.get(name) ?? []), arm]);
  }
  for (const [name, arms] of groups) {
    const { agentType, codeType, position } = arms[0] as LiveArm;
    const rule = agentTypeRules.find((candidate) => candidate.agentType === agentType);
    const forgets = (rule?.forgettingHalfLifeSeconds ?? 0) > 0;
    const expected = expectedArms(ledger, {
      agentType,
      codeType,
      position: forgets ? position : 0,
      decidedAt: (id) => logged.decisions.get(id),
      receivedAtMs: (id) => logged.receivedAtMs.get(id),
    });
    for (const arm of arms) {
      const should = expected.get(arm.variantId) ?? { reward: 0, weight: 0, generations: 0 };
      expected.delete(arm.variantId);
      const isSame =
        isClose(arm.reward, should.reward) &&
        isClose(arm.weight, should.weight) &&
        arm.generations === should.generations;
      if (!isSame) wrong.push(`${name} ${arm.variantId}: ${numbers(arm)}, not ${numbers(should)}`);
    }
    for (const variantId of expected.keys()) wrong.push(`${name} ${variantId}: no such arm`);
  }
  return wrong;
}

function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= toleranceMax * Math.max(1, Math.abs(a), Math.abs(b));
}

function numbers(arm: { reward: number; weight: number; generations: number }): string {
  return `reward ${arm.reward} weight ${arm.weight} generations ${arm.generations}`;
}

/** Everything that is wrong, in words, with an example each; empty when all promises were kept. */
export function failuresOf(input: {
  readonly events: EventVerdict;
  readonly wrongPosteriors: readonly string[];
  readonly calls: readonly LoggedCall[];
  readonly windows: readonly FaultWindow[];
  /** Room for decisions ran out, as the fault wanted. */
  readonly allowsUnrecorded?: boolean;
}): string[] {
  const { events, calls, windows } = input;
  const some = (what: string, found: readonly unknown[]): string[] =>
    found.length === 0 ? [] : [`${what}: ${found.length}, e.g. ${JSON.stringify(found[0])}`];
  const count = (what: string, found: number): string[] =>
    found === 0 ? [] : [`${what}: ${found}`];
  return [
    ...some("acknowledged events that are not in the event log", events.lost),
    ...count("rows that FINAL counts twice", events.doubled),
    ...count("rows inserted twice", events.hiddenCopies),
    ...some("rows of events that nobody acknowledged", events.unexpected),
    ...some("decisions logged with another variant than was served", events.servedOtherwise),
    ...some("posteriors that are not the fold of the outcomes", input.wrongPosteriors),
    ...some("selects without an answer before their deadline", lateSelects(calls, windows)),
    ...some("degraded decisions that do not say so", unmarkedSelects(calls, windows)),
    ...some("decisions marked degraded while nothing was wrong", strayMarks(calls, windows)),
    ...(input.allowsUnrecorded === true
      ? []
      : some("decisions that were not stored", unrecordedSelects(calls))),
    ...some("reports taken as new twice", acceptedTwice(calls)),
    ...some("refusals that do not say when to come again", refusalsWithoutDelay(calls)),
  ];
}
