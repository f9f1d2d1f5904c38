import { type Duration, durationMs } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../../domain/errors.ts";

/** A finer duration is refused rather than rounded: what is in force is what was asked for. */
export function wholeUnits(
  duration: Duration,
  {
    field,
    unitMs,
    unit,
  }: { readonly field: string; readonly unitMs: number; readonly unit: string },
): number {
  if (duration.nanos % (unitMs * 1_000_000) !== 0) {
    throw invalidField(field, `must be whole ${unit}`);
  }
  return Math.round(durationMs(duration) / unitMs);
}
