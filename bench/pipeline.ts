// npm run bench:pipeline: how many events a second reach ClickHouse, see docs/operating/benchmarks.md.
import { parseArgs } from "node:util";
import type { LatencySummary } from "./latency-summary.ts";
import { describeMachine, pinToCpus } from "./machine.ts";
import { measurePipeline, type PipelineFigures, type PipelineSettings } from "./pipeline-run.ts";
import { type StoreName, storeNames } from "./service-under-test.ts";

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

interface Arguments {
  readonly stores: readonly StoreName[];
  readonly settings: PipelineSettings;
  readonly cpus: string;
  readonly strict: boolean;
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      stores: { type: "string", default: storeNames.join(",") },
      seconds: { type: "string" },
      "in-flight": { type: "string" },
      "rows-max": { type: "string" },
      cpus: { type: "string", default: "0,1" },
      strict: { type: "boolean", default: false },
      tiny: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  const rowsMax = Math.ceil(positive("rows-max", values["rows-max"], 10_000));
  return {
    stores: values.stores.split(",").map(storeNamed),
    settings: {
      seconds: positive("seconds", values.seconds, values.tiny ? 1 : 20),
      warmUpSeconds: values.tiny ? 0.5 : 5,
      inFlight: Math.ceil(positive("in-flight", values["in-flight"], 256)),
      rowsMax,
      backlogRowsMax: 3 * rowsMax,
    },
    cpus: values.cpus,
    strict: values.strict,
  };
}

function storeNamed(name: string): StoreName {
  const store = storeNames.find((known) => known === name);
  if (store === undefined) throw new Error(`--stores: "${name}" is neither embedded nor redis`);
  return store;
}

function positive(name: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0`);
  return value;
}

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

async function main({ stores, settings, cpus, strict }: Arguments): Promise<number> {
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
}

let parsed: Arguments;
try {
  parsed = readArguments();
} catch (error) {
  console.error(`${(error as Error).message}\n\n${usage}`);
  process.exit(2);
}
try {
  process.exitCode = await main(parsed);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
