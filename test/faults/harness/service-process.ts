import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Served, serve } from "../../integration/cli/cli-process.ts";
import { freePort } from "../../support/free-port.ts";
import { metricOn } from "../../support/metrics-page.ts";

const clockShift = join(import.meta.dirname, "../../support/clock-shift.mjs");

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
  /** Undefined unless it runs. */
  #running: Served | undefined;
  /** The last one that was started. */
  #last: Served | undefined;

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
      ...["--data-dir", this.dataDirectory],
      ...["--grpc-port", String(grpcPort), "--http-port", String(httpPort)],
    ];
    this.#environment = {
      NODE_OPTIONS: `--import=${clockShift}`,
      FAULT_CLOCK_FILE: this.#clockFile,
      ...options.environment,
    };
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** What it has written, for a failure's message. */
  get output(): string {
    return `${this.#last?.stdout()}${this.#last?.stderr()}`;
  }

  /**
   * Resolves when it serves. @throws with what it wrote when it ends before.
   * @param environment settings of this start only, besides those of every one
   */
  async start(environment: Readonly<Record<string, string>> = {}): Promise<void> {
    if (this.isRunning) throw new Error("the service runs already");
    const served = await serve(this.#args, {
      environment: { ...this.#environment, ...environment },
      reaped: this.dataDirectory,
    });
    this.#running = served;
    this.#last = served;
    void served.ended.then(() => {
      if (this.#running === served) this.#running = undefined;
    });
  }

  /** SIGSTOP, SIGCONT, or whatever does not end it. */
  signal(signal: NodeJS.Signals): void {
    if (this.#running?.signal(signal) !== true) throw new Error("the service does not run");
  }

  /** Ends it and waits for its end. @returns the exit code; null when a signal ended it or it did not run. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<number | null> {
    return (await this.#running?.stop(signal)) ?? null;
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
    return metricOn(this.#httpUrl, name);
  }

  /** The checks of /readyz, by name. */
  async readiness(): Promise<{ ready: boolean; checks: Record<string, string> }> {
    const answer = await fetch(`${this.#httpUrl}/readyz`);
    return (await answer.json()) as { ready: boolean; checks: Record<string, string> };
  }
}
