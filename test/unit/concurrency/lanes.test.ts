import { describe, expect, it } from "vitest";
import { WaitingLine } from "../../../src/concurrency/lanes.ts";
import { BanditError } from "../../../src/domain/errors.ts";

const full = () => new BanditError("resource_exhausted", "full", { reason: "FULL" });

describe("waiting line", () => {
  it("runs so many at once, lets so many wait in order, refuses the rest, and is as new afterwards", async () => {
    const line = new WaitingLine({ runningMax: 2, waitingMax: 3, full });
    for (let round = 0; round < 2; round += 1) {
      const started: number[] = [];
      let running = 0;
      let runningMost = 0;
      const results = await Promise.allSettled(
        Array.from({ length: 7 }, (_, index) =>
          line.run(async () => {
            started.push(index);
            running += 1;
            runningMost = Math.max(runningMost, running);
            await new Promise((resolve) => setImmediate(resolve));
            running -= 1;
            // A job that fails gives its place on too.
            if (index === 1) throw full();
            return index;
          }),
        ),
      );
      expect(started).toEqual([0, 1, 2, 3, 4]);
      expect(runningMost).toBe(2);
      expect(results.map(({ status }) => status === "fulfilled")).toEqual([
        true,
        false,
        true,
        true,
        true,
        false,
        false,
      ]);
    }
  });
});
