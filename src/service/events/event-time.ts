let cachedSecond = -1;
let cachedText = "";

/**
 * Unix milliseconds → 'YYYY-MM-DD hh:mm:ss.mmm' in UTC, as ClickHouse's DateTime64(3) reads it.
 * The text of a second is kept: on the hot path thousands of events share it.
 */
export function formatEventTime(timeMs: number): string {
  const second = Math.floor(timeMs / 1000);
  if (second !== cachedSecond) {
    cachedSecond = second;
    cachedText = new Date(second * 1000).toISOString().slice(0, 19).replace("T", " ");
  }
  const milliseconds = timeMs - second * 1000;
  return `${cachedText}.${milliseconds < 10 ? "00" : milliseconds < 100 ? "0" : ""}${milliseconds}`;
}

/** Undoes {@link formatEventTime}; ClickHouse's own output has the same form. */
export function parseEventTime(text: string): number {
  return Date.parse(`${text.replace(" ", "T")}Z`);
}
