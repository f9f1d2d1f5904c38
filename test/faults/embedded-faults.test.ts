import { expect } from "vitest";
import { until } from "../support/until.ts";
import { openEmbeddedSite } from "./harness/embedded-site.ts";
import { describeFaults } from "./harness/fault-bench.ts";
import { readLoggedEvents } from "./harness/logged-events.ts";
import { judgeEvents } from "./harness/verdict.ts";

describeFaults(
  "the service on the embedded engines breaks, under load",
  { file: "embedded", open: openEmbeddedSite },
  (bench) => {
    bench.it(
      {
        number: 28,
        name: "embedded engines: SIGKILL twice, restart",
        inject: async (fault, { service }) => {
          for (let round = 0; round < 2; round += 1) {
            await fault.during("process_down", async () => {
              await service.kill();
              await service.start();
            });
            const enough = fault.load.answeredSelects + 20;
            await until("it answers again", 60_000, () => fault.load.answeredSelects >= enough);
          }
        },
      },
      async ({ context }, site) => {
        expect(await site.service.end("SIGTERM")).toBe(0);
        const codeTypes = ["fault_28_a", "fault_28_b"];
        const events = await site.withEngine((query) => readLoggedEvents(query, codeTypes));
        const { lost, doubled, unexpected } = judgeEvents(context.ledger, events);
        expect({ lost, doubled, unexpected }).toEqual({ lost: [], doubled: 0, unexpected: [] });
      },
    );
  },
);
