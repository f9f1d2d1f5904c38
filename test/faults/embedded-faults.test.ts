import { expect, it } from "vitest";
import { openEmbeddedSite } from "./harness/embedded-site.ts";
import { describeFaults } from "./harness/fault-bench.ts";
import { readLoggedEvents } from "./harness/logged-events.ts";
import { until } from "./harness/settlement.ts";
import { judgeEvents } from "./harness/verdict.ts";

describeFaults(
  "the service on the embedded engines breaks, under load",
  { file: "embedded", open: openEmbeddedSite },
  (bench) => {
    it("killed with its engines and started again, twice", async () => {
      const { service } = bench.site;
      const { failures, context } = await bench.run({
        number: 28,
        name: "embedded engines: SIGKILL twice, restart",
        inject: async (fault) => {
          for (let round = 0; round < 2; round += 1) {
            await fault.during("process_down", async () => {
              await service.kill();
              await service.start();
            });
            const enough = fault.load.answeredSelects + 20;
            await until("it to answer again", 60_000, () =>
              fault.load.answeredSelects >= enough ? true : undefined,
            );
          }
        },
      });
      expect(failures).toEqual([]);
      expect(await service.end("SIGTERM")).toBe(0);
      const events = await bench.site.withEngine((query) =>
        readLoggedEvents(query, ["fault_28_a", "fault_28_b"]),
      );
      const { lost, doubled, unexpected } = judgeEvents(context.ledger, events);
      expect({ lost, doubled, unexpected }).toEqual({ lost: [], doubled: 0, unexpected: [] });
    });
  },
);
