// npm run bench:soak: what happens at twice the load that can be sustained, see docs/operating/benchmarks.md.
import { writeFile } from "node:fs/promises";
import { runBench } from "./arguments.ts";
import { describeMachine, pinToCpus } from "./machine.ts";
import { type SoakReport, soakText, verdictOf } from "./soak-report.ts";
import { soakStore } from "./soak-run.ts";

const usage = `usage: npm run bench:soak -- [options]
  --stores LIST      embedded, redis or both, separated by commas   (embedded,redis)
  --minutes N        length of the overload   (3)
  --sustainable N    generations per second taken as sustainable; without it, they are searched for
  --factor N         what is offered, as a multiple of the sustainable load   (2)
  --probe-seconds N  length of one step of the search   (5)
  --connections N    (4)
  --cpus LIST        CPUs of the service and its engines, as taskset takes them; the load generator
                     gets the others, where there are others   (0,1)
  --node-options=S   options of Node for the service, separated by spaces
  --out FILE         write every figure as JSON
  --strict           exit with 1 when a demand is missed
  --tiny             a few seconds, to see that it runs; the figures mean nothing
Exit code: 0 measured; 1 something failed (or, with --strict, a demand was missed); 2 usage.`;

await runBench({
  usage,
  values: [
    "stores",
    "minutes",
    "sustainable",
    "factor",
    "probe-seconds",
    "connections",
    "cpus",
    "node-options",
    "out",
  ],
  flags: ["strict", "tiny"],
  read(args) {
    const tiny = args.flag("tiny");
    return {
      stores: args.stores,
      settings: {
        windows: args.whole("minutes", tiny ? 1 : 3) * 2,
        windowSeconds: tiny ? 1 : 30,
        probeSeconds: args.positive("probe-seconds", tiny ? 0.5 : 5),
        probesMax: tiny ? 2 : 16,
        sustainable:
          args.text("sustainable") === undefined ? undefined : args.positive("sustainable", 1),
        factor: args.positive("factor", 2),
        connections: args.whole("connections", 4),
        nodeOptions: args.nodeOptions,
        cpus: args.cpus,
      },
      out: args.text("out"),
      strict: args.flag("strict"),
    };
  },
  async measure({ stores, settings, out, strict }) {
    const startedAt = new Date().toISOString();
    const machine = describeMachine(pinToCpus(settings.cpus, "service and engines"));
    const measured: SoakReport["stores"][number][] = [];
    for (const store of stores) {
      const figures = await soakStore(store, settings, (text) => console.error(`… ${text}`));
      measured.push({ figures, verdict: verdictOf(figures, settings) });
    }
    const report: SoakReport = { startedAt, machine, settings, stores: measured };
    console.log(soakText(report));
    if (out !== undefined) {
      await writeFile(out, `${JSON.stringify(report, undefined, 2)}\n`);
      console.log(`\nwritten to ${out}`);
    }
    const failed = measured.some(({ verdict }) => verdict.problems.length > 0);
    const missed = measured.some(({ verdict }) => verdict.demands.some(({ met }) => !met));
    return failed || (strict && missed) ? 1 : 0;
  },
});
