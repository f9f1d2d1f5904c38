import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";

/** `2026-11-23 01:52:31.123` in UTC; a dash when absent. */
export function formatTime(time: Timestamp | undefined): string {
  if (time === undefined) return "–";
  return timestampDate(time).toISOString().replace("T", " ").replace("Z", "");
}

/** At most six significant digits. */
export function formatNumber(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** A share in [0,1] with three places; never 0.000 or 1.000 for another value. */
export function formatShare(share: number): string {
  if (share > 0 && share < 0.0005) return "<0.001";
  if (share < 1 && share > 0.9995) return ">0.999";
  return share.toFixed(3);
}
