// npm run bench: what the service costs an agent, see docs/operating/benchmarks.md.
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { pinToCpus } from "./machine.ts";
import { measureOverhead, type OverheadReport } from "./overhead-report.ts";
import { reportText } from "./report-text.ts";
import { type StoreName, storeNames } from "./service-under-test.ts";

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

interface Arguments {
  readonly stores: readonly StoreName[];
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: number;
  readonly inFlightPerConnection: number;
  readonly nodeOptions: readonly string[];
  readonly cpus: string;
  readonly out: string | undefined;
  readonly strict: boolean;
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      stores: { type: "string", default: storeNames.join(",") },
      seconds: { type: "string" },
      rounds: { type: "string" },
      connections: { type: "string" },
      "in-flight": { type: "string" },
      cpus: { type: "string", default: "0,1" },
      "node-options": { type: "string", default: "" },
      out: { type: "string" },
      strict: { type: "boolean", default: false },
      tiny: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  const sizes = values.tiny
    ? { seconds: 0.3, rounds: 1, connections: 2, inFlight: 4 }
    : { seconds: 3, rounds: 5, connections: 4, inFlight: 16 };
  return {
    stores: values.stores.split(",").map(storeNamed),
    seconds: positive("seconds", values.seconds, sizes.seconds),
    rounds: Math.ceil(positive("rounds", values.rounds, sizes.rounds)),
    connections: Math.ceil(positive("connections", values.connections, sizes.connections)),
    inFlightPerConnection: Math.ceil(positive("in-flight", values["in-flight"], sizes.inFlight)),
    nodeOptions: values["node-options"].split(" ").filter((option) => option !== ""),
    cpus: values.cpus,
    out: values.out,
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

async function main(args: Arguments): Promise<number> {
  const { seconds, rounds, connections, inFlightPerConnection, nodeOptions } = args;
  const report: OverheadReport = await measureOverhead({
    stores: args.stores,
    settings: { seconds, rounds, connections, inFlightPerConnection, nodeOptions },
    pinning: pinToCpus(args.cpus),
    onProgress: (text) => console.error(`… ${text}`),
  });
  console.log(reportText(report));
  if (args.out !== undefined) {
    await writeFile(args.out, `${JSON.stringify(report, undefined, 2)}\n`);
    console.log(`\nwritten to ${args.out}`);
  }
  const failed = report.stores.some((store) => store.problems.length > 0);
  const missed = report.stores.flatMap((store) => store.targets.filter((target) => !target.met));
  if (missed.length > 0) console.log(`\n${missed.length} figures MISSED`);
  return failed || (args.strict && missed.length > 0) ? 1 : 0;
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
