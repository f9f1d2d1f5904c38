import type { Clock } from "../../ports/clock.ts";
import type { ApplyContributionsResult } from "../../ports/state-store.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import type { CatalogueCache } from "../catalogue/catalogue-cache.ts";
import type { OutboxBound } from "../events/outbox-bound.ts";
import type { AllocationTable } from "../posteriors/allocation-table.ts";
import type { OnlineState } from "../state/online-state.ts";
import { bookableReport } from "./bookable-report.ts";
import { contributionColumns, contributionTarget } from "./booked-contributions.ts";
import type { DecisionFinder } from "./find-decision.ts";
import { learningTerms } from "./learning-terms.ts";
import type { ReceivedReport } from "./received-reports.ts";

/** How a report is booked that may have waited on disk. */
export interface BookingTerms {
  /** It was acknowledged before now, so that the end of its retention meanwhile is not its own fault. Default false. */
  readonly wasSpooled?: boolean;
  /** False: what only the event log could tell is `unavailable`. Default true. */
  readonly askEventLog?: boolean;
}

export interface Booked {
  readonly status: ApplyContributionsResult["status"];
  /** It came after the attribution window. */
  readonly late: boolean;
  readonly learned: boolean;
}

const duplicate: Booked = { status: "duplicate", late: false, learned: false };

interface ReportBookingDependencies {
  readonly catalogue: CatalogueCache;
  readonly allocations: AllocationTable;
  readonly decisions: DecisionFinder;
  readonly online: OnlineState;
  readonly outbox: OutboxBound;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Books reports: what each is worth by the policy, in one atomic step with its event. */
export class ReportBooking {
  readonly #deps: ReportBookingDependencies;

  constructor(dependencies: ReportBookingDependencies) {
    this.#deps = dependencies;
  }

  /** Books a report, now or from the spool; recognises a report that was booked before (invariant I4). @throws BanditError */
  async book(received: ReceivedReport, terms: BookingTerms = {}): Promise<Booked> {
    const { catalogue, allocations, decisions, online, outbox, clock, telemetry } = this.#deps;
    const { wasSpooled = false } = terms;
    const report = bookableReport(received);
    outbox.requireRoomForReport(received.kind, { wasAcknowledged: wasSpooled });
    const found = await decisions.get(report.generationId, terms);
    // Only the event log has the bookings of an expired generation.
    if (found.history !== undefined && report.isLogged(found.history)) return duplicate;
    const { record } = found;
    const entry = await catalogue.getAgentType(record.agentType);
    const { receivedAtMs } = report;
    const { policy, late, learns, forgettingPosition, ledgerTtlSeconds } = learningTerms(
      entry,
      found,
      { receivedAtMs, nowMs: clock.nowMs(), wasSpooled, telemetry },
    );
    const worth = report.contributions(policy.reward);
    const learned = learns && worth.length > 0 && allocations.admit(record);
    const columns = { ...contributionColumns(worth, learned), late: late ? 1 : 0 } as const;
    const { status } = await online.applyContributions({
      ...contributionTarget(record),
      forgettingPosition,
      eventId: report.eventId,
      occurredAtMs: report.occurredAtMs,
      contributions: learned ? worth : [],
      event: report.event(record, columns),
      ttlSeconds: ledgerTtlSeconds,
    });
    return { status, late, learned };
  }
}
