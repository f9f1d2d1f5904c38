import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const shared = {
  pool: "forks",
  // They end what hangs. How long something takes on a busy machine is for the benchmarks to say.
  testTimeout: 90_000,
  hookTimeout: 90_000,
  // Also for the services that tests start: half of the CPU of a start is the compiler's.
  env: { NODE_COMPILE_CACHE: fileURLToPath(new URL("dist/compile-cache", import.meta.url)) },
} as const;
const faults = "test/faults/**/*.test.ts";

/** Folders whose files take longest come first, so that the end of a run does not wait for one of them. */
const longest = ["test/integration/", "test/simulation/", "test/statistics/", "test/properties/"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const found = longest.findIndex((folder) => moduleId.includes(`/${folder}`));
      return found === -1 ? longest.length : found;
    };
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...shared,
          name: "suite",
          include: ["test/**/*.test.ts"],
          exclude: [faults],
          globalSetup: ["test/support/engines.ts"],
          maxWorkers: Math.max(2, availableParallelism()),
        },
      },
      {
        // After all others, and a few at a time: their deadlines are those of production, and a fault is not to be
        // told from a machine that has more to do than it can. Each of them waits for most of its time.
        test: {
          ...shared,
          name: "faults",
          include: [faults],
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
