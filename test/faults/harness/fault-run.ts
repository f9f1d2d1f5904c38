import { until } from "../../support/until.ts";
import { agentTypeRules } from "./agent-types.ts";
import { longestAnswerMs, longestUnavailabilityMs } from "./call-log.ts";
import { type Fault, FaultContext, type FaultSite } from "./fault.ts";
import { LedgerModel } from "./ledger-model.ts";
import type { ReportLine } from "./report.ts";
import { rebuildCheck, settledEvents, settledWrongPosteriors } from "./settlement.ts";
import { failuresOf, judgeEvents } from "./verdict.ts";
import { VirtualLoad } from "./virtual-load.ts";

export interface FaultResult {
  readonly line: ReportLine;
  /** Empty when every promise was kept. */
  readonly failures: readonly string[];
  readonly context: FaultContext;
}

/** Selects that are answered before the fault, so that there is something to lose, and after it. */
const selectsAround = 40;
const aroundTimeoutMs = 60_000;
const acknowledgeTimeoutMs = 90_000;
const settleTimeoutMsDefault = 120_000;

/** Agents work, something breaks and is put right, everything settles, and it is judged. */
export async function runFault<Site extends FaultSite>(
  site: Site,
  fault: Fault<Site>,
): Promise<FaultResult> {
  const codeTypes = [`fault_${fault.number}_a`, `fault_${fault.number}_b`];
  const ledger = new LedgerModel();
  const load = new VirtualLoad({
    addresses: site.services.map(({ grpcAddress }) => grpcAddress),
    agentTypes: agentTypeRules.map(({ agentType }) => agentType),
    codeTypes,
    seed: 1000 + fault.number,
    ledger,
    ...(fault.tasksPerSecond === undefined ? {} : { tasksPerSecond: fault.tasksPerSecond }),
  });
  const context = new FaultContext(load, ledger);
  const problems: unknown[] = [];
  const attempt = (step: Promise<void> | undefined): Promise<void> =>
    Promise.resolve(step).catch((error: unknown) => void problems.push(error));

  await fault.prepare?.(site);
  load.start();
  await attempt(answersMore(load, selectsAround));
  if (problems.length === 0) await attempt(fault.inject(context, site));
  if (problems.length > 0) await attempt(site.heal());
  else await attempt(answersMore(load, selectsAround));
  await attempt(load.finish(problems.length === 0 ? acknowledgeTimeoutMs : 0));
  if (problems.length === 0) await attempt(fault.repair?.(context, site));

  const judged = { codeTypes, ledger };
  const { settleTimeoutMs = settleTimeoutMsDefault } = fault;
  const events = await settledEvents(site, judged, settleTimeoutMs);
  const verdict = judgeEvents(ledger, events, { replicas: site.services.length });
  const wrongPosteriors = await settledWrongPosteriors(site, judged, events);
  const failures = [
    ...problems.map((problem) => describeProblem(problem, site)),
    ...failuresOf({
      events: verdict,
      wrongPosteriors,
      calls: load.calls,
      windows: context.windows,
      allowsUnrecorded: fault.allowsUnrecorded ?? false,
    }),
    ...(await rebuildCheck(site)),
  ];
  const line = {
    number: fault.number,
    fault: fault.name,
    calls: load.calls.length,
    acknowledged: ledger.size,
    lost: verdict.lost.length,
    doubled: verdict.doubled,
    longestUnavailabilityMs: longestUnavailabilityMs(load.calls),
    longestAnswerMs: longestAnswerMs(load.calls),
  };
  return { line, failures, context };
}

async function answersMore(load: VirtualLoad, selects: number): Promise<void> {
  const enough = load.answeredSelects + selects;
  const what = `${selects} more selects are answered`;
  await until(what, aroundTimeoutMs, () => load.answeredSelects >= enough);
}

function describeProblem(problem: unknown, site: FaultSite): string {
  const outputs = site.services.map(({ output }) => output.slice(-2_000)).join("\n---\n");
  return `${problem instanceof Error ? problem.message : String(problem)}\n${outputs}`;
}
