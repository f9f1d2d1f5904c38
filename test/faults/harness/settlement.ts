import { setTimeout as sleep } from "node:timers/promises";
import { banditd } from "../../integration/cli/cli-process.ts";
import type { FaultSite } from "./fault.ts";
import type { LedgerModel } from "./ledger-model.ts";
import { readLiveArms } from "./live-arms.ts";
import { readLoggedEvents } from "./logged-events.ts";
import type { ServiceProcess } from "./service-process.ts";
import { judgeEvents, type LoggedEvents, wrongPosteriors } from "./verdict.ts";

/** What is judged: the events of these code types, and what was acknowledged of them. */
export interface Judged {
  readonly codeTypes: readonly string[];
  readonly ledger: LedgerModel;
}

/** A lost message is made good by a comparison within ten seconds; so is what two of them must agree on. */
const comparedTimeoutMs = 25_000;

/** What the event log has once it has everything, and nothing more is on its way; when time runs out, what it has. */
export async function settledEvents(
  site: FaultSite,
  { codeTypes, ledger }: Judged,
  timeoutMs: number,
): Promise<LoggedEvents> {
  const endMs = performance.now() + timeoutMs;
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

/** Posteriors of every replica that are not the fold of what was acknowledged, once they have had time to become it. */
export async function settledWrongPosteriors(
  site: FaultSite,
  { codeTypes, ledger }: Judged,
  events: LoggedEvents,
): Promise<string[]> {
  const endMs = performance.now() + comparedTimeoutMs;
  for (;;) {
    const wrong: string[] = [];
    for (const [replica, service] of site.services.entries()) {
      if (!service.isRunning) continue;
      const client = site.client(replica);
      const live = await readLiveArms(client, codeTypes).finally(() => client.close());
      wrong.push(...wrongPosteriors(ledger, events, live));
    }
    if (wrong.length === 0 || performance.now() > endMs) return wrong;
    await sleep(200);
  }
}

/** What `banditd rebuild --check` says against the live posteriors; empty when it agrees with them. */
export async function rebuildCheck(site: FaultSite): Promise<string[]> {
  const running = site.services.find(({ isRunning }) => isRunning);
  if (running === undefined) return ["no replica is left to check"];
  const address = running.grpcAddress;
  const { exitCode, stdout, stderr } = await banditd(["rebuild", "--check", "--address", address]);
  return exitCode === 0 ? [] : [`rebuild --check ends with ${exitCode}: ${stdout}${stderr}`];
}
