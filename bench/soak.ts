// npm run bench:soak: what happens at twice the load that can be sustained, see docs/operating/benchmarks.md.
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { describeMachine, pinToCpus } from "./machine.ts";
import { type StoreName, storeNames } from "./service-under-test.ts";
import { type SoakReport, soakText, verdictOf } from "./soak-report.ts";
import { type SoakSettings, soakStore } from "./soak-run.ts";

const usage = `usage: npm run bench:soak -- [options]
  --stores LIST      embedded, redis or both, separated by commas   (embedded,redis)
  --minutes N        length of the overload   (5)
  --sustainable N    generations per second taken as sustainable; without it, they are searched for
  --factor N         what is offered, as a multiple of the sustainable load   (2)
  --probe-seconds N  length of one step of the search   (10)
  --connections N    (4)
  --cpus LIST        CPUs of the service and its engines, as taskset takes them; the load generator
                     gets the others, where there are others   (0,1)
  --node-options=S   options of Node for the service, separated by spaces
  --out FILE         write every figure as JSON
  --strict           exit with 1 when p99 is missed or memory grows
  --tiny             a few seconds, to see that it runs; the figures mean nothing
Exit code: 0 measured; 1 something failed (or, with --strict, a figure was missed); 2 usage.`;

interface Arguments {
  readonly stores: readonly StoreName[];
  readonly settings: SoakSettings;
  readonly out: string | undefined;
  readonly strict: boolean;
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      stores: { type: "string", default: storeNames.join(",") },
      minutes: { type: "string" },
      sustainable: { type: "string" },
      factor: { type: "string" },
      "probe-seconds": { type: "string" },
      connections: { type: "string" },
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
  const { tiny } = values;
  return {
    stores: values.stores.split(",").map(storeNamed),
    settings: {
      windows: Math.ceil(positive("minutes", values.minutes, tiny ? 2 : 5)),
      windowSeconds: tiny ? 1 : 60,
      probeSeconds: positive("probe-seconds", values["probe-seconds"], tiny ? 0.5 : 10),
      probesMax: tiny ? 2 : 20,
      sustainable:
        values.sustainable === undefined
          ? undefined
          : positive("sustainable", values.sustainable, 1),
      factor: positive("factor", values.factor, 2),
      connections: Math.ceil(positive("connections", values.connections, 4)),
      nodeOptions: values["node-options"].split(" ").filter((option) => option !== ""),
      cpus: values.cpus,
    },
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

async function main({ stores, settings, out, strict }: Arguments): Promise<number> {
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
  const missed = measured.some(({ verdict }) => !verdict.inTime || verdict.memory === "growing");
  return failed || (strict && missed) ? 1 : 0;
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
