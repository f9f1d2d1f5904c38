import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { reapWhenOrphaned } from "../../support/reaper.ts";

const launcher = join(import.meta.dirname, "../../../bin/banditd.mjs");
const clockShift = join(import.meta.dirname, "../../support/clock-shift.mjs");
const startTimeoutMs = 90_000;
const outputCharactersMax = 16_384;

export interface ServiceProcessOptions {
  readonly directory: string;
  /** REDIS_URL, BANDIT_…; nothing of that is taken from the environment of the tests. */
  readonly environment: Readonly<Record<string, string>>;
}

/** One `banditd serve` that is started, killed and started again on the same ports and data. */
export class ServiceProcess {
  readonly dataDirectory: string;
  readonly grpcAddress: string;
  readonly #httpUrl: string;
  readonly #clockFile: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #forget: () => void = () => undefined;
  #output = "";

  /** Takes two free ports and keeps them. */
  static async create(options: ServiceProcessOptions): Promise<ServiceProcess> {
    return new ServiceProcess(options, await freePort(), await freePort());
  }

  private constructor(options: ServiceProcessOptions, grpcPort: number, httpPort: number) {
    this.dataDirectory = join(options.directory, "data");
    mkdirSync(this.dataDirectory, { recursive: true });
    this.#clockFile = join(options.directory, "clock-shift-ms");
    writeFileSync(this.#clockFile, "0");
    this.grpcAddress = `127.0.0.1:${grpcPort}`;
    this.#httpUrl = `http://127.0.0.1:${httpPort}`;
    this.#args = [
      "serve",
      ...["--data-dir", this.dataDirectory, "--log-level", "warn"],
      ...["--grpc-port", String(grpcPort), "--http-port", String(httpPort)],
    ];
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(BANDIT_|REDIS_URL$|DATABASE_URL$|CLICKHOUSE_URL$|NODE_OPTIONS$)/.test(name),
    );
    this.#environment = {
      ...Object.fromEntries(inherited),
      NODE_OPTIONS: `--import=${clockShift}`,
      FAULT_CLOCK_FILE: this.#clockFile,
      ...options.environment,
    };
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** What it has written lately, for a failure's message. */
  get output(): string {
    return this.#output;
  }

  /**
   * Resolves when it serves. @throws with what it wrote when it ends before.
   * @param environment settings of this start only, besides those of every one
   */
  async start(environment: Readonly<Record<string, string>> = {}): Promise<void> {
    if (this.#child !== undefined) throw new Error("the service runs already");
    const child = spawn(process.execPath, [launcher, ...this.#args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...this.#environment, ...environment },
    });
    this.#child = child;
    this.#forget = reapWhenOrphaned({
      pid: child.pid as number,
      signal: "KILL",
      directory: this.dataDirectory,
    });
    const ended = once(child, "close") as Promise<[number | null, string | null]>;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      const listen = (chunk: Buffer): void => {
        this.#output = (this.#output + chunk.toString()).slice(-outputCharactersMax);
        if (this.#output.includes("Stop it with")) resolve();
      };
      this.#output = "";
      child.stdout?.on("data", listen);
      child.stderr?.on("data", listen);
      const fail = (why: string) => reject(new Error(`the service ${why}:\n${this.#output}`));
      timer = setTimeout(() => fail(`was not ready in ${startTimeoutMs} ms`), startTimeoutMs);
      void ended.then(([code, signal]) => {
        if (this.#child === child) this.#child = undefined;
        this.#forget();
        fail(`ended with ${signal ?? code}`);
      });
    }).finally(() => clearTimeout(timer));
  }

  /** SIGSTOP, SIGCONT, or whatever does not end it. */
  signal(signal: NodeJS.Signals): void {
    if (this.#child?.kill(signal) !== true) throw new Error("the service does not run");
  }

  /** Ends it and waits for its end. @returns the exit code; null when a signal ended it or it did not run. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    const ended = once(child, "close") as Promise<[number | null]>;
    child.kill(signal);
    const [code] = await ended;
    return code;
  }

  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Sets its wall clock wrong, at once and over restarts. */
  shiftClock(shiftMs: number): void {
    writeFileSync(this.#clockFile, String(shiftMs));
    if (this.isRunning) this.signal("SIGUSR2");
  }

  /** Sum of a metric over its labels; undefined when it has no such metric. */
  async metric(name: string): Promise<number | undefined> {
    const page = await (await fetch(`${this.#httpUrl}/metrics`)).text();
    const values = page
      .split("\n")
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .map((line) => Number(line.slice(line.lastIndexOf(" "))));
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
  }

  /** The checks of /readyz, by name. */
  async readiness(): Promise<{ ready: boolean; checks: Record<string, string> }> {
    const answer = await fetch(`${this.#httpUrl}/readyz`);
    return (await answer.json()) as { ready: boolean; checks: Record<string, string> };
  }
}

/**
 * A port from below those the system gives to connections: one of these might be taken for a connection while the
 * service is dead, and it could not start again.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.on("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
