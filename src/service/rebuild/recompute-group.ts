import { setImmediate as nextTurn } from "node:timers/promises";
import { BanditError } from "../../domain/errors.ts";
import type { PolicyRecord } from "../../domain/policy.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { GenerationPage, ReadGenerationsInput } from "../../ports/generation-log.ts";
import type { ArmGroup } from "../../ports/state-repair.ts";
import { RecomputedTotals } from "./recompute-totals.ts";

/** Decisions read at once: some megabytes with their events. */
const pageRowsMax = 2_000;
/** Generations added up before others have their turn: about 1 ms. */
const generationsPerTurn = 200;

/**
 * Pages of generations, one after another. Holds one at a time.
 * @throws BanditError aborted (`REBUILD_CANCELLED`); what the event log says
 */
export async function* readPages(
  eventLog: EventLog,
  input: Omit<ReadGenerationsInput, "after" | "limit">,
  signal: AbortSignal,
): AsyncGenerator<GenerationPage, void, void> {
  let after: ReadGenerationsInput["after"];
  do {
    requireGoing(signal);
    const page = await eventLog.readGenerations({
      ...input,
      limit: pageRowsMax,
      ...(after === undefined ? {} : { after }),
    });
    yield page;
    after = page.next;
  } while (after !== undefined);
}

/** @throws BanditError aborted when nobody waits for the rebuild any more. */
export function requireGoing(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new BanditError("aborted", "the rebuild was cancelled; what it has put right stays so", {
    reason: "REBUILD_CANCELLED",
  });
}

/**
 * The totals of one code type as the event log gives them now.
 * @param options.onPage is told of every page before the next one is read.
 */
export async function recomputeGroup(
  { agentType, codeType }: ArmGroup,
  options: {
    readonly eventLog: EventLog;
    readonly policy: PolicyRecord | undefined;
    readonly signal: AbortSignal;
    readonly onPage: (page: GenerationPage) => Promise<void>;
  },
): Promise<RecomputedTotals> {
  const { eventLog, policy, signal, onPage } = options;
  const recomputed = new RecomputedTotals(policy);
  for await (const page of readPages(
    eventLog,
    { agentType, codeType, learnedOnly: true },
    signal,
  )) {
    for (const [index, generation] of page.generations.entries()) {
      recomputed.add(generation);
      if (index % generationsPerTurn === generationsPerTurn - 1) await nextTurn();
    }
    await onPage(page);
  }
  return recomputed;
}
