import { type Duration, durationMs, type Timestamp } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../../domain/errors.ts";

/**
 * The form of binary messages allows nanos that are none, and mixed signs, which readers take for different times. Negative
 * durations are nowhere allowed. @throws BanditError invalid_argument
 */
export function requireNanos({ nanos }: Duration | Timestamp, field: string): void {
  if (nanos < 0 || nanos > 999_999_999) {
    throw invalidField(field, "must have from 0 to 999,999,999 nanos");
  }
}

const unitsMs = { milliseconds: 1, seconds: 1000 } as const;

/** A finer duration is refused rather than rounded: the value in force is the one in the request. */
export function wholeUnits(duration: Duration, field: string, unit: keyof typeof unitsMs): number {
  const unitMs = unitsMs[unit];
  requireNanos(duration, field);
  if (duration.nanos % (unitMs * 1_000_000) !== 0) {
    throw invalidField(field, `must be whole ${unit}`);
  }
  return Math.round(durationMs(duration) / unitMs);
}
