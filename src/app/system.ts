// The machine's clock, for rooms that may not import adapters.
export { systemClock } from "../adapters/system/system-clock.ts";
