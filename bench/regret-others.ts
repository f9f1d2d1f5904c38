import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { promisify } from "node:util";
import { projectRoot } from "../src/app/project-root.ts";
import { refreshEvery } from "./regret-contenders.ts";
import type { RegretWorld, RewardTable } from "./regret-worlds.ts";

export const otherPackages = ["mabwiser==2.7.4", "vowpalwabbit==9.11.9"];

/**
 * Makes a virtual environment with the packages, once for each `python`: half a gigabyte in `dist`.
 * @param python the interpreter that it is made with
 * @returns the environment's interpreter @throws Error that says what is missing
 */
export async function installOthers(python: string): Promise<string> {
  const name = [python, ...otherPackages].join("-").replaceAll(/[^\w.=-]+/g, "_");
  const environment = join(projectRoot, "dist", "bench-python", name);
  const interpreter = join(environment, "bin", "python");
  if (existsSync(interpreter)) return interpreter;
  const run = promisify(execFile);
  const unfinished = `${environment}-${process.pid}`;
  try {
    await run(python, ["-m", "venv", unfinished]);
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    await run(join(unfinished, "bin", "python"), [...pip, ...otherPackages]);
    await rename(unfinished, environment);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    const { stderr = "", message } = error as Error & { readonly stderr?: string };
    throw new Error(stderr.trim().split("\n").at(-1) || message);
  }
  return interpreter;
}

/** The contenders of mabwiser and Vowpal Wabbit, in a Python process of their own (`regret_others.py`). */
export class OtherContenders {
  readonly #requests: Writable;
  readonly #answers: AsyncIterator<Buffer>;
  #unread = Buffer.alloc(0);
  #names: readonly string[] = [];

  /** @param interpreter of {@link installOthers} */
  private constructor(interpreter: string) {
    const script = join(import.meta.dirname, "regret_others.py");
    const { stdin, stdout } = spawn(interpreter, [script], { stdio: ["pipe", "pipe", "inherit"] });
    this.#requests = stdin;
    this.#answers = stdout[Symbol.asyncIterator]();
  }

  static async start(interpreter: string): Promise<OtherContenders> {
    const others = new OtherContenders(interpreter);
    const length = (await others.#read(4)).readUInt32LE();
    others.#names = JSON.parse((await others.#read(length)).toString());
    return others;
  }

  /**
   * Lets them play, and goes on as soon as they have been told the rewards.
   * @returns waits for what each of them lost, by name
   */
  async play(
    world: RegretWorld,
    table: RewardTable,
    run: number,
  ): Promise<() => Promise<Record<string, number>>> {
    const { steps, outcomeDelay = 0 } = world;
    const isBinary = world.spread === undefined;
    const arms = table.armCount;
    const header = { arms, steps, refreshEvery, outcomeDelay, seed: run, isBinary };
    await this.#send(Buffer.from(`${JSON.stringify(header)}\n`));
    await this.#send(Buffer.from(table.rewards.buffer));
    return async () => {
      const regrets: Record<string, number> = {};
      for (const name of this.#names) regrets[name] = regretOf(await this.#read(steps), table);
      return regrets;
    };
  }

  stop(): void {
    this.#requests.end();
  }

  #send(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#requests.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  async #read(length: number): Promise<Buffer> {
    while (this.#unread.length < length) {
      const { value, done } = await this.#answers.next();
      if (done) throw new Error("the Python process has ended");
      this.#unread = Buffer.concat([this.#unread, value]);
    }
    const bytes = this.#unread.subarray(0, length);
    this.#unread = this.#unread.subarray(length);
    return bytes;
  }
}

function regretOf(chosen: Uint8Array, table: RewardTable): number {
  return chosen.reduce((lost, arm, step) => {
    const means = table.meansAt(step);
    return lost + Math.max(...means) - (means[arm] as number);
  }, 0);
}
