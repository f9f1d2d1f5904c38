import { BanditError } from "../../domain/errors.ts";

/** What becomes of a spooled record. */
export type Fate =
  /** It leaves the spool. */
  | { readonly kind: "gone" }
  /** It stays; for lack of what only the event log could tell, if that is away. */
  | { readonly kind: "stays"; readonly eventLogIsAway: boolean }
  /** It stays, and so would every other one now. */
  | { readonly kind: "stop" };

export const gone: Fate = { kind: "gone" };
export const stays: Fate = { kind: "stays", eventLogIsAway: false };

/** What becomes of a spooled record that could not be applied; `gone`: it never can be. */
export function fateOf(
  error: unknown,
  { mayStillArrive }: { readonly mayStillArrive: () => boolean },
): Fate {
  if (!(error instanceof BanditError)) return gone;
  if (error.reason === "GENERATION_NOT_FOUND") return mayStillArrive() ? stays : gone;
  if (error.reason.startsWith("EVENT_LOG_")) return { kind: "stays", eventLogIsAway: true };
  if (error.code === "deadline_exceeded") return stays;
  if (!error.retryable) return gone;
  // The state store is away, or it or the outbox has no room; what else is lacking concerns this record only.
  const concernsAll = /^(STATE|OUTBOX|SPILL)_/.test(error.reason);
  const concernsThis = error.reason === "STATE_LOST";
  return concernsAll && !concernsThis ? { kind: "stop" } : stays;
}
