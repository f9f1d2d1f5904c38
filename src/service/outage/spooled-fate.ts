import { BanditError } from "../../domain/errors.ts";

/** What became of one record. `later`: it stays. `stop`: so will every other, for now. */
export type Fate = "gone" | "later" | "later: event log" | "stop";

/** What becomes of a spooled record that could not be applied. `gone`: it never can be. */
export function fateOf(
  error: unknown,
  { mayStillArrive }: { readonly mayStillArrive: () => boolean },
): Fate {
  if (!(error instanceof BanditError)) return "gone";
  if (error.reason === "GENERATION_NOT_FOUND") return mayStillArrive() ? "later" : "gone";
  if (error.reason.startsWith("EVENT_LOG_")) return "later: event log";
  if (error.code === "deadline_exceeded") return "later";
  if (!error.retryable) return "gone";
  // The state store is away, or it or the outbox has no room; what else is lacking concerns this record only.
  const concernsAll = /^(STATE|OUTBOX|SPILL)_/.test(error.reason);
  const concernsThis = error.reason === "STATE_LOST";
  return concernsAll && !concernsThis ? "stop" : "later";
}
