import { setImmediate as nextTurn } from "node:timers/promises";
import { BanditError } from "../../domain/errors.ts";
import type { PolicyRecord } from "../../domain/policy.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { GenerationPage, ReadGenerationsInput } from "../../ports/generation-log.ts";
import type { ArmGroup } from "../../ports/state-repair.ts";
import { RecomputedTotals } from "./recompute-totals.ts";

/** Decisions read at once: some megabytes with their events; fewer where those have more. */
const pageRowsMax = 5_000;
/** Generations added up before others have their turn: about 1 ms. */
const generationsPerTurn = 200;

/**
 * Pages of generations, one after another. The next one is read while the caller looks at the last; holds two.
 * @throws BanditError aborted (`REBUILD_CANCELLED`); what the event log says
 */
export async function* readPages(
  eventLog: EventLog,
  input: Omit<ReadGenerationsInput, "after" | "limit">,
  signal: AbortSignal,
): AsyncGenerator<GenerationPage, void, void> {
  let reading: Promise<GenerationPage> | undefined = readPage(eventLog, input);
  while (reading !== undefined) {
    requireGoing(signal);
    const page: GenerationPage = await reading;
    reading =
      page.next === undefined ? undefined : readPage(eventLog, { ...input, after: page.next });
    // Whoever leaves before it is there does not want to know of its failure.
    reading?.catch(() => undefined);
    yield page;
  }
}

/** As large as the event log can give it: generations may have hundreds of events each. */
async function readPage(
  eventLog: EventLog,
  input: Omit<ReadGenerationsInput, "limit">,
): Promise<GenerationPage> {
  for (let limit = pageRowsMax; ; limit = Math.ceil(limit / 4)) {
    try {
      return await eventLog.readGenerations({ ...input, limit });
    } catch (error) {
      const isTooLarge = error instanceof BanditError && error.code === "resource_exhausted";
      if (!isTooLarge || limit === 1) throw error;
    }
  }
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
