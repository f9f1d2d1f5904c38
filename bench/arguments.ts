import { parseArgs } from "node:util";
import { ensureEngines } from "../scripts/ensure-engines.ts";
import { type StoreName, storeNames } from "./service-under-test.ts";

/** The options of a benchmark, as they were given. */
export class BenchArguments {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }

  /** @throws when it is not a number above 0 */
  positive(name: string, fallback: number): number {
    const value = Number(this.text(name) ?? fallback);
    if (!(value > 0)) throw new Error(`--${name} must be a number above 0`);
    return value;
  }

  /** The same, rounded up. */
  whole(name: string, fallback: number): number {
    return Math.ceil(this.positive(name, fallback));
  }

  /** Of `--cpus`, by default the first two. */
  get cpus(): string {
    return this.text("cpus") ?? "0,1";
  }

  /** Of `--node-options`, separated by spaces. */
  get nodeOptions(): readonly string[] {
    return (this.text("node-options") ?? "").split(" ").filter((option) => option !== "");
  }

  /** Of `--stores`, by default all. @throws for a name that is none */
  get stores(): readonly StoreName[] {
    return (this.text("stores") ?? storeNames.join(",")).split(",").map((name) => {
      const store = storeNames.find((known) => known === name);
      if (store === undefined) throw new Error(`--stores: "${name}" is neither embedded nor redis`);
      return store;
    });
  }
}

/**
 * Reads the arguments, makes sure of the engines as `npm test` does, measures, and sets the exit code: 2 for wrong
 * arguments or missing engines, 1 when `measure` throws.
 */
export async function runBench<
  Settings extends { readonly stores: readonly StoreName[] },
>(options: {
  usage: string;
  /** Options with a value. */
  values: readonly string[];
  /** Options without one. */
  flags: readonly string[];
  read: (args: BenchArguments) => Settings;
  /** @returns the exit code */
  measure: (settings: Settings) => Promise<number>;
}): Promise<void> {
  let settings: Settings;
  try {
    const values: Readonly<Record<string, unknown>> = parseArgs({
      options: Object.fromEntries([
        ...options.values.map((name) => [name, { type: "string" }] as const),
        ...[...options.flags, "help"].map((name) => [name, { type: "boolean" }] as const),
      ]),
    }).values;
    if (values["help"] === true) {
      console.log(options.usage);
      return;
    }
    settings = options.read(new BenchArguments(values));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${options.usage}`);
    process.exitCode = 2;
    return;
  }
  if (settings.stores.includes("redis") && !ensureEngines()) {
    process.exitCode = 2;
    return;
  }
  try {
    process.exitCode = await options.measure(settings);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
}
