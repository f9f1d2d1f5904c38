import { withTimeout } from "../concurrency/in-time.ts";
import { BanditError } from "../domain/errors.ts";

/** How long the start waits for the schema of an event log on a server; then it goes on without. */
const eventLogStartMs = 5_000;

/** Why work could not be done; undefined when it was. @throws what waiting for a server would not help against */
export async function outageIn(
  work: Promise<unknown>,
  isServer: boolean,
): Promise<BanditError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (isServer && error instanceof BanditError && error.code === "unavailable") return error;
    throw error;
  }
}

/** Work goes on when its time is over; a repetition beside it does no harm. */
export function withinStart(work: Promise<void>): Promise<void> {
  return withTimeout(work, eventLogStartMs, () => {
    throw new BanditError("unavailable", `no answer within ${eventLogStartMs} ms`, {
      reason: "EVENT_LOG_UNAVAILABLE",
    });
  });
}
