import { setTimeout as sleep } from "node:timers/promises";
import type { BanditClient } from "../../../src/client/index.ts";
import { type FaultWindow, longestAnswerMs, longestUnavailabilityMs } from "./call-log.ts";
import { LedgerModel } from "./ledger-model.ts";
import { readLiveArms } from "./live-arms.ts";
import { type EngineQuery, readLoggedEvents } from "./logged-events.ts";
import type { ReportLine } from "./report.ts";
import type { ServiceProcess } from "./service-process.ts";
import {
  type EventVerdict,
  failuresOf,
  judgeEvents,
  type LiveArm,
  type LoggedEvents,
  wrongPosteriors,
} from "./verdict.ts";
import { VirtualLoad } from "./virtual-load.ts";

/** What a fault is broken on and judged by. */
export interface FaultSite {
  readonly services: readonly ServiceProcess[];
  readonly query: EngineQuery;
  client(replica: number): BanditClient;
}

export interface Fault {
  /** In the report, and the code types are named after it. */
  readonly number: number;
  readonly name: string;
  /** Breaks something while agents work, and puts it right again. */
  readonly inject: (context: FaultContext) => Promise<void>;
  readonly tasksPerSecond?: number;
  /** Rows may be inserted twice, for the reason that the test gives; FINAL must hide them. */
  readonly allowsHiddenCopies?: boolean;
}

/** What a fault needs to know of the agents. */
export interface FaultContext {
  readonly load: VirtualLoad;
  readonly ledger: LedgerModel;
  readonly codeTypes: readonly string[];
  /** Notes that something is so from now until `body` has ended. @param graceMs until it certainly is so */
  during<Result>(
    kind: FaultWindow["kind"],
    body: () => Promise<Result>,
    graceMs?: number,
  ): Promise<Result>;
}

export interface FaultResult {
  readonly line: ReportLine;
  /** Empty when every promise was kept. */
  readonly failures: readonly string[];
  readonly ledger: LedgerModel;
  readonly codeTypes: readonly string[];
}

/** Selects that are answered before the fault, so that there is something to lose, and after it. */
const selectsAround = 60;
const aroundTimeoutMs = 60_000;
const acknowledgeTimeoutMs = 90_000;
/** A dead worker's entries are taken over after a minute at the latest. */
const settleTimeoutMs = 120_000;

/** Agents work, something breaks and is put right, everything settles, and it is judged. */
export async function runFault(site: FaultSite, fault: Fault): Promise<FaultResult> {
  const codeTypes = [`fault_${fault.number}_a`, `fault_${fault.number}_b`];
  const ledger = new LedgerModel();
  const load = new VirtualLoad({
    addresses: site.services.map(({ grpcAddress }) => grpcAddress),
    codeTypes,
    seed: 1000 + fault.number,
    ledger,
    ...(fault.tasksPerSecond === undefined ? {} : { tasksPerSecond: fault.tasksPerSecond }),
  });
  const windows: FaultWindow[] = [];
  load.start();
  let problem: unknown;
  try {
    await answersMore(load, selectsAround);
    await fault.inject({
      load,
      ledger,
      codeTypes,
      async during(kind, body, graceMs = 0) {
        const fromMs = performance.now() + graceMs;
        try {
          return await body();
        } finally {
          windows.push({ kind, fromMs, toMs: performance.now() });
        }
      },
    });
    await answersMore(load, selectsAround);
  } catch (error) {
    problem = error;
  }
  try {
    await load.finish(problem === undefined ? acknowledgeTimeoutMs : 0);
  } catch (error) {
    problem ??= error;
  }
  const { calls } = load;
  const events = await settled(site, { codeTypes, ledger });
  const verdict = judgeEvents(ledger, events);
  const wrong = await wrongPosteriorsOfAll(site, { codeTypes, ledger, events });
  const failures = failuresOf({
    events: fault.allowsHiddenCopies === true ? { ...verdict, hiddenCopies: 0 } : verdict,
    wrongPosteriors: wrong,
    calls,
    windows,
  });
  if (problem !== undefined) failures.unshift(describeProblem(problem, site));
  return { line: lineOf(fault, { calls, ledger, verdict }), failures, ledger, codeTypes };
}

function lineOf(
  { number, name }: Fault,
  found: { calls: VirtualLoad["calls"]; ledger: LedgerModel; verdict: EventVerdict },
): ReportLine {
  return {
    number,
    fault: name,
    calls: found.calls.length,
    acknowledged: found.ledger.size,
    lost: found.verdict.lost.length,
    doubled: found.verdict.doubled,
    longestUnavailabilityMs: longestUnavailabilityMs(found.calls),
    longestAnswerMs: longestAnswerMs(found.calls),
  };
}

async function answersMore(load: VirtualLoad, selects: number): Promise<void> {
  const enough = load.answeredSelects + selects;
  await until(`${selects} more selects to be answered`, aroundTimeoutMs, async () =>
    load.answeredSelects >= enough ? true : undefined,
  );
}

/**
 * What the event log has once it has everything, and nothing more is on its way. When time runs out: what it has.
 */
async function settled(
  site: FaultSite,
  { codeTypes, ledger }: { codeTypes: readonly string[]; ledger: LedgerModel },
): Promise<LoggedEvents> {
  const endMs = performance.now() + settleTimeoutMs;
  let rows = -1;
  for (;;) {
    const events = await readLoggedEvents(site.query, codeTypes);
    const rowsNow = Object.values(events.tables).reduce((sum, { ids }) => sum + ids.length, 0);
    const isWhole = judgeEvents(ledger, events).lost.length === 0;
    if (isWhole && rowsNow === rows && (await isDrained(site.services))) return events;
    if (performance.now() > endMs) return events;
    rows = rowsNow;
    await sleep(250);
  }
}

const waitingGauges = ["bandit_outbox_entries", "bandit_spool_records", "bandit_spill_bytes"];

async function isDrained(services: readonly ServiceProcess[]): Promise<boolean> {
  for (const service of services) {
    if (!service.isRunning) continue;
    for (const gauge of waitingGauges) {
      if (((await service.metric(gauge)) ?? 0) > 0) return false;
    }
  }
  return true;
}

/** A lost message is made good by a comparison within ten seconds; so is what two of them must agree on. */
const comparedTimeoutMs = 25_000;

async function wrongPosteriorsOfAll(
  site: FaultSite,
  input: { codeTypes: readonly string[]; ledger: LedgerModel; events: LoggedEvents },
): Promise<string[]> {
  const endMs = performance.now() + comparedTimeoutMs;
  for (;;) {
    const wrong: string[] = [];
    for (const [replica, service] of site.services.entries()) {
      if (!service.isRunning) continue;
      const live = await liveArmsOf(site, replica, input.codeTypes);
      wrong.push(...wrongPosteriors(input.ledger, input.events, live));
    }
    if (wrong.length === 0 || performance.now() > endMs) return wrong;
    await sleep(200);
  }
}

async function liveArmsOf(
  site: FaultSite,
  replica: number,
  codeTypes: readonly string[],
): Promise<LiveArm[]> {
  const client = site.client(replica);
  try {
    return await readLiveArms(client, codeTypes);
  } finally {
    client.close();
  }
}

/** Polls until `check` gives something. @throws when that takes longer than `timeoutMs` */
export async function until<Result>(
  what: string,
  timeoutMs: number,
  check: () => Promise<Result | undefined>,
): Promise<Result> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const result = await check();
    if (result !== undefined) return result;
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs} ms for ${what} in vain`);
    await sleep(20);
  }
}

function describeProblem(problem: unknown, site: FaultSite): string {
  const outputs = site.services.map(({ output }) => output.slice(-2_000)).join("\n---\n");
  return `${problem instanceof Error ? problem.message : String(problem)}\n${outputs}`;
}
