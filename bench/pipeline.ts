// npm run bench:pipeline: how many events a second reach ClickHouse, see docs/operating/benchmarks.md.
import { runBench } from "./arguments.ts";
import type { LatencySummary } from "./latency-summary.ts";
import { describeMachine, pinToCpus } from "./machine.ts";
import { measurePipeline, type PipelineFigures } from "./pipeline-run.ts";

/** What is to be sustained on two cores. */
const eventsPerSecondMin = 20_000;

const usage = `usage: npm run bench:pipeline -- [options]
  --stores LIST    embedded, redis or both, separated by commas   (embedded,redis)
  --seconds N      (20)
  --in-flight N    writes under way at once   (256)
  --rows-max N     rows read from the outbox at once   (10000)
  --cpus LIST      CPUs that everything shares, as taskset takes them   (0,1)
  --strict         exit with 1 when ${eventsPerSecondMin} events/s are missed
  --tiny           a second, to see that it runs; the figures mean nothing
Exit code: 0 measured; 1 events were lost or doubled (or, with --strict, too slow); 2 usage.`;

await runBench({
  usage,
  values: ["stores", "seconds", "in-flight", "rows-max", "cpus"],
  flags: ["strict", "tiny"],
  read(args) {
    const tiny = args.flag("tiny");
    const rowsMax = args.whole("rows-max", 10_000);
    return {
      stores: args.stores,
      settings: {
        seconds: args.positive("seconds", tiny ? 1 : 20),
        warmUpSeconds: tiny ? 0.5 : 5,
        inFlight: args.whole("in-flight", 256),
        rowsMax,
        backlogRowsMax: 3 * rowsMax,
      },
      cpus: args.cpus,
      strict: args.flag("strict"),
    };
  },
  async measure({ stores, settings, cpus, strict }) {
    const machine = describeMachine(pinToCpus(cpus));
    console.log(
      `Outbox to ClickHouse, ${new Date().toISOString()}, commit ${machine.commit}, node ${machine.node}\n` +
        `${machine.cpus} CPUs ${machine.cpuModel}; ${machine.pinning}; load average ` +
        `${machine.loadAverageBefore.toFixed(1)}; ${settings.seconds} s, ${settings.inFlight} writes in flight`,
    );
    const measured: PipelineFigures[] = [];
    for (const store of stores) {
      const figures = await measurePipeline(store, settings);
      console.log(figuresText(figures));
      measured.push(figures);
    }
    if (measured.some(({ lost, doubled }) => lost !== 0 || doubled !== 0)) return 1;
    const missed = measured.some(({ eventsPerSecond }) => eventsPerSecond < eventsPerSecondMin);
    return strict && missed ? 1 : 0;
  },
});

function figuresText(figures: PipelineFigures): string {
  const { cpu, inserts, lag } = figures;
  const rate = (value: number) => `${Math.round(value).toLocaleString("en")}/s`;
  const times = ({ p50Ms, p99Ms, maxMs }: LatencySummary) =>
    `p50 ${p50Ms.toFixed(0)}, p99 ${p99Ms.toFixed(0)}, max ${maxMs.toFixed(0)} ms`;
  return [
    `── ${figures.store} `.padEnd(80, "─"),
    `  events        ${rate(figures.eventsPerSecond)}, halves ${figures.halvesPerSecond.map(rate).join(" and ")}`,
    `  inserts       ${inserts.n} of ${Math.round(figures.rowsPerInsert)} rows of ` +
      `${Math.round(figures.bytesPerRow)} bytes; ${times(inserts)}`,
    `  lag           ${times(lag)}`,
    `  CPU (cores)   writers and drain ${cpu.own.toFixed(2)}, event engine ` +
      `${cpu.eventEngine.toFixed(2)}, Redis ${cpu.redis.toFixed(2)}`,
    `  acknowledged  ${figures.acknowledged}; lost ${figures.lost}, doubled ${figures.doubled}`,
    `  ${figures.eventsPerSecond >= eventsPerSecondMin ? "ok    " : "MISSED"}  at least ` +
      `${eventsPerSecondMin} events/s`,
  ].join("\n");
}
