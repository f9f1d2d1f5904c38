import { randomFillSync } from "node:crypto";
import type { Entropy } from "../../ports/entropy.ts";

/** The operating system's random numbers. */
export const systemEntropy: Entropy = {
  fill: (target) => {
    randomFillSync(target);
  },
};
