// The machine's clock and randomness, for rooms that may not import adapters.
export { systemClock } from "../adapters/system/system-clock.ts";
export { systemEntropy } from "../adapters/system/system-entropy.ts";
