import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const shared = {
  pool: "forks",
  testTimeout: 30_000,
  hookTimeout: 90_000,
  // Also for the services that tests start: half of the CPU of a start is the compiler's.
  env: { NODE_COMPILE_CACHE: fileURLToPath(new URL("dist/compile-cache", import.meta.url)) },
  maxWorkers: Math.max(2, availableParallelism()),
} as const;
const faults = "test/faults/**/*.test.ts";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: "suite",
          include: ["test/**/*.test.ts"],
          exclude: [faults],
          globalSetup: ["test/support/engines.ts"],
        },
      },
      {
        // After all others, and a few at a time: their deadlines are those of production, and a fault is not to be
        // told from a machine that has more to do than it can.
        test: {
          ...shared,
          name: "faults",
          include: [faults],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
