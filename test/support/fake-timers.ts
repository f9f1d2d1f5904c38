import { afterEach, beforeEach, vi } from "vitest";

/** Each test of the file or suite moves the time itself; it begins at `now`, in ms since 1970, or at the real time. */
export function useFakeTimers(options: { now?: number } = {}): void {
  beforeEach(() => void vi.useFakeTimers(options));
  afterEach(() => void vi.useRealTimers());
}
