import type { Contribution } from "../../../src/domain/contribution.ts";
import { type Delivery, type Place, recompute } from "../../conformance/contribution-model.ts";
import { type AgentTypeRule, agentTypeRules } from "./agent-types.ts";

/**
 * What the service has acknowledged, and what must follow from it: a second, simple reading of DESIGN.md §7 and of
 * invariants I1, I2 and I4. It shares no code with the service.
 */
export class LedgerModel {
  readonly #generations = new Map<string, AcknowledgedGeneration>();
  readonly #unrecorded = new Set<string>();

  acknowledgeDecision(decision: {
    generationId: string;
    agentType: string;
    codeType: string;
    variantId: string;
    degraded: boolean;
  }): void {
    const { generationId, agentType, codeType, variantId, degraded } = decision;
    const known: AcknowledgedGeneration = this.#generations.get(generationId) ?? {
      agentType,
      codeType,
      variantId,
      served: new Set(),
      servedDegraded: new Set(),
      outcomes: new Map(),
    };
    (degraded ? known.servedDegraded : known.served).add(variantId);
    this.#generations.set(generationId, known);
  }

  /** A decision was answered, and the answer said that it is not recorded: it may be in the log or not. */
  noteUnrecorded(generationId: string): void {
    this.#unrecorded.add(generationId);
  }

  acknowledgeGeneration(generationId: string, report: RunReport): void {
    this.#get(generationId).report = report;
  }

  acknowledgeOutcome(generationId: string, outcomeId: string, outcome: ReportedOutcome): void {
    this.#get(generationId).outcomes.set(outcomeId, outcome);
  }

  get generations(): ReadonlyMap<string, AcknowledgedGeneration> {
    return this.#generations;
  }

  get unrecorded(): ReadonlySet<string> {
    return this.#unrecorded;
  }

  /** Ids of what must be in each table of the event log; an outcome's is `<generation>/<outcome>`. */
  acknowledgedIds(): AcknowledgedIds {
    const ids = {
      decisions: new Set<string>(),
      generations: new Set<string>(),
      outcomes: new Set<string>(),
    };
    for (const [generationId, { report, outcomes }] of this.#generations) {
      ids.decisions.add(generationId);
      if (report !== undefined) ids.generations.add(generationId);
      for (const outcomeId of outcomes.keys()) ids.outcomes.add(`${generationId}/${outcomeId}`);
    }
    return ids;
  }

  get size(): number {
    const { decisions, generations, outcomes } = this.acknowledgedIds();
    return decisions.size + generations.size + outcomes.size;
  }

  #get(generationId: string): AcknowledgedGeneration {
    const known = this.#generations.get(generationId);
    if (known === undefined)
      throw new Error(`${generationId} was reported on before it was decided`);
    return known;
  }
}

export interface AcknowledgedIds {
  readonly decisions: ReadonlySet<string>;
  readonly generations: ReadonlySet<string>;
  readonly outcomes: ReadonlySet<string>;
}

export interface AcknowledgedGeneration {
  readonly agentType: string;
  readonly codeType: string;
  /** What the first acknowledged answer said. */
  readonly variantId: string;
  /** Variants that answers have named: one in all, unless the same id was answered in different ways. */
  readonly served: Set<string>;
  /** Of answers that said they were degraded. */
  readonly servedDegraded: Set<string>;
  report?: RunReport;
  readonly outcomes: Map<string, ReportedOutcome>;
}

export interface RunReport {
  readonly costUsd: number;
  readonly durationMs: number;
}

export interface ReportedOutcome {
  /** Newest wins; one outcome of a generation and metric at most may have none. */
  readonly occurredAtMs: number;
  readonly metrics: Readonly<Record<string, number>>;
}

interface DecidedAt {
  readonly variantId: string;
  /** Forgetting position. */
  readonly position: number;
  readonly decidedAtMs: number;
}

/** A report is taken to come this much later, at most, than the clock says that it comes. */
const clockSkewMsMax = 5 * 60_000;

/** Sums of one arm without its prior, at one forgetting position. */
export interface ExpectedArm {
  readonly reward: number;
  readonly weight: number;
  readonly generations: number;
}

/**
 * What the arms of one agent type and code type must have learned. Arms without a reward are absent.
 * @param options.position where forgetting stands, in half-lives
 * @param options.decidedAt of each generation, the variant it was recorded with, when, and the forgetting position then
 * @param options.receivedAtMs when an outcome, `<generation>/<outcome>`, or a run, `<generation>`, came in
 */
export function expectedArms(
  ledger: LedgerModel,
  options: {
    agentType: string;
    codeType: string;
    position: number;
    decidedAt: (generationId: string) => DecidedAt | undefined;
    receivedAtMs: (id: string) => number | undefined;
  },
): Map<string, ExpectedArm> {
  const rule = agentTypeRules.find(({ agentType }) => agentType === options.agentType);
  if (rule === undefined) throw new Error(`no rule for ${options.agentType}`);
  const reported = new Map<string, { places: Place[]; events: Delivery[] }>();
  for (const [generationId, generation] of ledger.generations) {
    if (generation.agentType !== options.agentType) continue;
    if (generation.codeType !== options.codeType) continue;
    const decided = options.decidedAt(generationId);
    const { variantId } = decided ?? generation;
    const { places, events } = reported.get(variantId) ?? { places: [], events: [] };
    reported.set(variantId, { places, events });
    for (const { id, ...event } of learned(rule, generationId, generation)) {
      const positionMax = decided && positionMaxOf(rule, decided, options.receivedAtMs(id));
      const bound = positionMax === undefined ? {} : { positionMax };
      events.push({ ...event, ...bound, generation: places.length });
    }
    places.push({ forgettingPosition: decided?.position ?? options.position });
  }
  const arms = new Map<string, ExpectedArm>();
  for (const [variantId, reports] of reported) {
    const { sums, generations } = recompute(reports, options.position);
    const [reward, weight] = [sums.reward.value, sums.weight.value];
    if (generations > 0) arms.set(variantId, { reward, weight, generations });
  }
  return arms;
}

/** What is learned from: a run where it costs or is measured, and every outcome with a metric that is rewarded. */
function learned(
  rule: AgentTypeRule,
  generationId: string,
  { report, outcomes }: AcknowledgedGeneration,
) {
  const events = [...outcomes].map(([eventId, { occurredAtMs, metrics }]) => ({
    ...{ id: `${generationId}/${eventId}`, eventId, occurredAtMs },
    contributions: rewarded(rule, metrics),
  }));
  if (report !== undefined) {
    const { costUsd, durationMs } = report;
    const penalty =
      rule.costPenaltyPerUsd * costUsd + (rule.latencyPenaltyPerSecond * durationMs) / 1000;
    const contributions = rewarded(rule, { duration_ms: durationMs });
    if (rule.costPenaltyPerUsd > 0 || rule.latencyPenaltyPerSecond > 0)
      contributions.push({ component: "run", value: 0, weight: 0, penalty });
    events.push({ id: generationId, eventId: "run", occurredAtMs: 0, contributions });
  }
  return events.filter(({ contributions }) => contributions.length > 0);
}

/**
 * How far a report counts at most: five minutes ahead of the clock by which it came in. The position grows evenly from
 * 0, the moment the agent type was made, and stays 0 before that.
 */
function positionMaxOf(
  rule: AgentTypeRule,
  { position, decidedAtMs }: DecidedAt,
  receivedAtMs = decidedAtMs,
): number | undefined {
  if (position === 0 || rule.forgettingHalfLifeSeconds === 0) return undefined;
  const aheadMs = receivedAtMs + clockSkewMsMax - decidedAtMs;
  return Math.max(position + aheadMs / (1000 * rule.forgettingHalfLifeSeconds), 0);
}

/** Each metric's range mapped onto 0 … 1. */
function rewarded(rule: AgentTypeRule, metrics: Readonly<Record<string, number>>): Contribution[] {
  return rule.components.flatMap(({ metric, weight, min, max, lowerIsBetter }) => {
    const reported = metrics[metric];
    if (reported === undefined) return [];
    const share = Math.min(Math.max((reported - min) / (max - min), 0), 1);
    const value = lowerIsBetter === true ? 1 - share : share;
    return { component: metric, value, weight, penalty: 0 };
  });
}
