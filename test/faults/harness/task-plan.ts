import type { ReportedOutcome, RunReport } from "./ledger-model.ts";

/** A report that an agent is going to send, with the ids that make it idempotent. */
export type PlannedReport =
  | { readonly kind: "generation"; readonly report: RunReport }
  | {
      readonly kind: "outcome";
      readonly outcomeId: string;
      readonly outcome: ReportedOutcome;
      /** The same as it is sent. */
      readonly sent: SentOutcome;
    };

type SentOutcome =
  | { case: "testRun"; value: { passed: number; failed: number; coverage: number } }
  | { case: "rating"; value: { overall: number; quality: number } }
  | { case: "custom"; value: { metrics: Record<string, number> } };

/** One task of an agent, all of it decided beforehand so that every call can be repeated as it was. */
export interface TaskPlan {
  readonly agentType: string;
  readonly codeType: string;
  readonly generationId: string;
  /** The same select is sent twice at once. */
  readonly selectsTwice: boolean;
  /** Stages one after the other; the reports of a stage go out at once, some of them twice. */
  readonly stages: readonly Stage[];
}

export interface Stage {
  /** What the agent waits before it, milliseconds: outcomes are not known at once. */
  readonly afterMs: number;
  readonly reports: readonly PlannedReport[];
}

/** Shares of the tasks, or reports, that are out of the ordinary. */
const shuffledShare = 0.4;
const atOnceShare = 0.3;
const twiceShare = 0.15;
const againLaterShare = 0.1;
const sameMomentShare = 0.1;
const waitingShare = 0.2;
/** Long enough that many tasks begin before a fault and end in it, or after it. */
const waitingMsMax = 2_500;

/**
 * What happened, happened this long ago: so that a service whose clock is set back an hour does not see events of its
 * future, which it refuses.
 */
const pastMs = 3 * 3_600_000;

/**
 * Makes plans: a generation report and one to four outcomes, of which a later rating replaces an earlier one; in
 * many of them things come twice, again later, or in the wrong order.
 * @param options.random uniform on [0,1)
 */
export function makeTaskPlan(options: {
  readonly random: () => number;
  readonly agentTypes: readonly string[];
  readonly codeTypes: readonly string[];
  readonly generationId: string;
  readonly nowMs: number;
}): TaskPlan {
  const { random, codeTypes, generationId } = options;
  const pick = <Item>(items: readonly Item[]): Item =>
    items[Math.floor(random() * items.length)] as Item;
  const happenedMs = Math.floor(options.nowMs - pastMs - random() * 60_000);
  const tests = 1 + Math.floor(random() * 10);
  const passed = Math.floor(random() * (tests + 1));
  const coverage = random();
  const reports: PlannedReport[] = [
    {
      kind: "generation",
      report: { costUsd: random() * 0.05, durationMs: Math.floor(random() * 5_000) },
    },
    {
      kind: "outcome",
      outcomeId: "tests",
      sent: { case: "testRun", value: { passed, failed: tests - passed, coverage } },
      outcome: {
        occurredAtMs: happenedMs,
        metrics: { test_pass_rate: passed / tests, coverage },
      },
    },
  ];
  const rate = (outcomeId: string, occurredAtMs: number): void => {
    const overall = 1 + Math.floor(random() * 5);
    const quality = 1 + Math.floor(random() * 5);
    reports.push({
      kind: "outcome",
      outcomeId,
      sent: { case: "rating", value: { overall, quality } },
      outcome: { occurredAtMs, metrics: { rating_overall: overall, rating_quality: quality } },
    });
  };
  if (random() < 0.5) {
    rate("rating-1", happenedMs + 1_000);
    // Of two in one millisecond the one with the larger id counts, in every order of arrival.
    const laterMs = random() < sameMomentShare ? 0 : 1 + Math.floor(random() * 5_000);
    if (random() < 0.6) rate("rating-2", happenedMs + 1_000 + laterMs);
  }
  if (random() < 0.3) {
    const metrics = { build_score: Math.floor(random() * 100) / 10 };
    reports.push({
      kind: "outcome",
      outcomeId: "build",
      sent: { case: "custom", value: { metrics } },
      outcome: { occurredAtMs: happenedMs + 500, metrics },
    });
  }
  const order = random() < shuffledShare ? shuffled(reports, random) : reports;
  const stages: PlannedReport[][] =
    random() < atOnceShare ? [[...order]] : order.map((report) => [report]);
  for (const stage of stages) {
    for (const report of [...stage]) if (random() < twiceShare) stage.push(report);
  }
  const again = order.filter(() => random() < againLaterShare);
  if (again.length > 0) stages.push(again);
  return {
    agentType: pick(options.agentTypes),
    codeType: pick(codeTypes),
    generationId,
    selectsTwice: random() < twiceShare,
    stages: stages.map((stage) => ({
      afterMs: random() < waitingShare ? random() * waitingMsMax : 0,
      reports: stage,
    })),
  };
}

function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  const rest = [...items];
  const result: Item[] = [];
  while (rest.length > 0) {
    result.push(...rest.splice(Math.floor(random() * rest.length), 1));
  }
  return result;
}
