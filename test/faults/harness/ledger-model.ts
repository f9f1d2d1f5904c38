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
    const ids: AcknowledgedIds = {
      decisions: new Set(),
      generations: new Set(),
      outcomes: new Set(),
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
  readonly decisions: Set<string>;
  readonly generations: Set<string>;
  readonly outcomes: Set<string>;
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
  const counted = new Map<string, { reward: number; weight: number; position: number }[]>();
  for (const [generationId, generation] of ledger.generations) {
    if (generation.agentType !== options.agentType) continue;
    if (generation.codeType !== options.codeType) continue;
    const { reward, weight } = rewardOf(rule, generation);
    if (weight === 0) continue;
    const decided = options.decidedAt(generationId);
    const { variantId } = decided ?? generation;
    const received = learnedIds(rule, generationId, generation).map(options.receivedAtMs);
    const position =
      decided === undefined ? options.position : countedPosition(rule, decided, received);
    const arm = counted.get(variantId) ?? [];
    counted.set(variantId, arm);
    arm.push({ reward, weight, position });
  }
  const arms = new Map<string, ExpectedArm>();
  for (const [variantId, generations] of counted) {
    // Nothing counts more than once over: where a clock was ahead, forgetting stands where that clock has put it.
    const present = Math.max(options.position, ...generations.map(({ position }) => position));
    const sum = { reward: 0, weight: 0, generations: generations.length };
    for (const { reward, weight, position } of generations) {
      const factor = 2 ** (position - present);
      sum.reward += factor * reward;
      sum.weight += factor * weight;
    }
    arms.set(variantId, sum);
  }
  return arms;
}

/** What is learned from: a run where it costs or is measured, and every outcome with a metric that is rewarded. */
function learnedIds(
  rule: AgentTypeRule,
  generationId: string,
  { report, outcomes }: AcknowledgedGeneration,
): string[] {
  const rewarded = new Set(rule.components.map(({ metric }) => metric));
  const ids = [...outcomes]
    .filter(([, { metrics }]) => Object.keys(metrics).some((metric) => rewarded.has(metric)))
    .map(([outcomeId]) => `${generationId}/${outcomeId}`);
  const learnsOfRuns =
    rule.costPenaltyPerUsd > 0 || rule.latencyPenaltyPerSecond > 0 || rewarded.has("duration_ms");
  return report !== undefined && learnsOfRuns ? [...ids, generationId] : ids;
}

/**
 * Where a generation counts: where it was decided, but no further than five minutes ahead of the clock by which any of
 * its reports came in. The position grows evenly from 0, the moment the agent type was made, and stays 0 before that.
 */
function countedPosition(
  rule: AgentTypeRule,
  decided: DecidedAt,
  receivedAtMs: readonly (number | undefined)[],
): number {
  if (decided.position === 0 || rule.forgettingHalfLifeSeconds === 0) return decided.position;
  const bounds = receivedAtMs.map((ms) => {
    const aheadMs = (ms ?? decided.decidedAtMs) + clockSkewMsMax - decided.decidedAtMs;
    return Math.max(decided.position + aheadMs / (1000 * rule.forgettingHalfLifeSeconds), 0);
  });
  return Math.min(decided.position, ...bounds);
}

/** R = clamp(Σ weight·value − penalties, 0, W) over the newest value of each component, W = Σ weight. */
function rewardOf(
  rule: AgentTypeRule,
  { report, outcomes }: AcknowledgedGeneration,
): { reward: number; weight: number } {
  const byAge = [...outcomes].sort(
    ([idA, a], [idB, b]) => a.occurredAtMs - b.occurredAtMs || (idA < idB ? -1 : 1),
  );
  const metrics: Record<string, number> = {};
  for (const [, outcome] of byAge) Object.assign(metrics, outcome.metrics);
  let penalty = 0;
  if (report !== undefined) {
    metrics["duration_ms"] = report.durationMs;
    penalty += rule.costPenaltyPerUsd * report.costUsd;
    penalty += (rule.latencyPenaltyPerSecond * report.durationMs) / 1000;
  }
  let earned = 0;
  let weight = 0;
  for (const component of rule.components) {
    const metric = metrics[component.metric];
    if (metric === undefined) continue;
    const share = (metric - component.min) / (component.max - component.min);
    const value = Math.min(Math.max(share, 0), 1);
    earned += component.weight * (component.lowerIsBetter === true ? 1 - value : value);
    weight += component.weight;
  }
  return { reward: Math.min(Math.max(earned - penalty, 0), weight), weight };
}
