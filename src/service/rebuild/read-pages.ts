import { BanditError } from "../../domain/errors.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { GenerationPage, ReadGenerationsInput } from "../../ports/generation-log.ts";

/** Decisions read at once: some megabytes with their events; fewer where those have more. */
const pageRowsMax = 5_000;
/**
 * Pages of generations, one after another. The next one is read while the caller looks at the last; holds two.
 * @throws BanditError aborted (`REBUILD_CANCELLED`); what the event log says
 */
export async function* readPages(
  eventLog: Pick<EventLog, "readGenerations">,
  input: Omit<ReadGenerationsInput, "after" | "limit">,
  signal: AbortSignal,
): AsyncGenerator<GenerationPage, void, void> {
  const begin = (after: ReadGenerationsInput["after"]): Promise<GenerationPage> => {
    const reading = readPage(eventLog, { ...input, ...(after === undefined ? {} : { after }) });
    // A caller that leaves before the page is there does not want to know of its failure.
    reading.catch(() => undefined);
    return reading;
  };
  requireGoing(signal);
  let reading: Promise<GenerationPage> | undefined = begin(undefined);
  while (reading !== undefined) {
    const page: GenerationPage = await reading;
    requireGoing(signal);
    reading = page.next === undefined ? undefined : begin(page.next);
    yield page;
  }
}

/** As large as the event log can give it: generations may have hundreds of events each. */
async function readPage(
  eventLog: Pick<EventLog, "readGenerations">,
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
  throw new BanditError(
    "aborted",
    "the rebuild was cancelled; the arms it has corrected stay corrected",
    {
      reason: "REBUILD_CANCELLED",
    },
  );
}
