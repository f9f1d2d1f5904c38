// npm run bench: what the service costs an agent, see docs/operating/benchmarks.md.
import { writeFile } from "node:fs/promises";
import { runBench } from "./arguments.ts";
import { pinToCpus } from "./machine.ts";
import { measureOverhead } from "./overhead-report.ts";
import { reportText } from "./report-text.ts";

const usage = `usage: npm run bench -- [options]
  --stores LIST      embedded, redis or both, separated by commas   (embedded,redis)
  --seconds N        length of one closed-loop phase; the open loop takes 5 x as long   (3)
  --rounds N         how often echo and service are measured in turn   (5)
  --connections N    (4)
  --in-flight N      requests in flight on each connection   (16)
  --cpus LIST        CPUs that everything shares, as taskset takes them   (0,1)
  --node-options=S   options of Node for the echo and the service, separated by spaces
  --out FILE         write every figure as JSON
  --strict           exit with 1 when a figure is missed
  --tiny             a few seconds, to see that it runs; the figures mean nothing
Exit code: 0 measured; 1 something failed (or, with --strict, a figure was missed); 2 usage.`;

await runBench({
  usage,
  values: [
    "stores",
    "seconds",
    "rounds",
    "connections",
    "in-flight",
    "cpus",
    "node-options",
    "out",
  ],
  flags: ["strict", "tiny"],
  read(args) {
    const sizes = args.flag("tiny")
      ? { seconds: 0.3, rounds: 1, connections: 2, inFlight: 4 }
      : { seconds: 3, rounds: 5, connections: 4, inFlight: 16 };
    return {
      stores: args.stores,
      settings: {
        seconds: args.positive("seconds", sizes.seconds),
        rounds: args.whole("rounds", sizes.rounds),
        connections: args.whole("connections", sizes.connections),
        inFlightPerConnection: args.whole("in-flight", sizes.inFlight),
        nodeOptions: args.nodeOptions,
      },
      cpus: args.cpus,
      out: args.text("out"),
      strict: args.flag("strict"),
    };
  },
  async measure({ stores, settings, cpus, out, strict }) {
    const report = await measureOverhead({
      stores,
      settings,
      pinning: pinToCpus(cpus),
      onProgress: (text) => console.error(`… ${text}`),
    });
    console.log(reportText(report));
    if (out !== undefined) {
      await writeFile(out, `${JSON.stringify(report, undefined, 2)}\n`);
      console.log(`\nwritten to ${out}`);
    }
    const failed = report.stores.some((store) => store.problems.length > 0);
    const missed = report.stores.flatMap((store) => store.targets.filter((target) => !target.met));
    if (missed.length > 0) console.log(`\n${missed.length} figures MISSED`);
    return failed || (strict && missed.length > 0) ? 1 : 0;
  },
});
