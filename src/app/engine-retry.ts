import { systemEntropy } from "../adapters/system/system-entropy.ts";
import { backOff } from "../concurrency/repeated-work.ts";

/** Between two attempts to do what an engine on a server has to be there for. */
export const engineRetryMs = backOff({ minMs: 100, maxMs: 5_000, entropy: systemEntropy });
