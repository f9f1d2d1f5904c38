import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect } from "vitest";
import { reapWhenOrphaned } from "../../support/reaper.ts";

const launcher = join(import.meta.dirname, "../../../bin/banditd.mjs");

export interface Finished {
  /** Or the signal that killed it. */
  readonly exitCode: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Node that runs the launcher; the one that runs the tests when absent. */
  readonly node?: string;
  readonly input?: string;
  readonly environment?: NodeJS.ProcessEnv;
  /** Interrupts it, as Ctrl-C does, once it has written this to standard error. */
  readonly interruptAt?: string;
  /** Kills it after that time; then the exit code is `SIGKILL`. */
  readonly killAfterMs?: number;
  /** Working directory; that of the tests when absent. */
  readonly cwd?: string;
  /** Of {@link serve}: it does not outlive the tests, nor does this directory, in whatever way they end. */
  readonly reaped?: string;
}

/** Runs `banditd` as its own process until it ends. */
export async function banditd(
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const child = start(args, options);
  let stdout = "";
  let stderr = "";
  let interrupted = false;
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    // Once: what it writes about the interruption must not interrupt it at its very end, where nothing listens.
    if (!interrupted && options.interruptAt !== undefined && stderr.includes(options.interruptAt)) {
      interrupted = child.kill("SIGINT");
    }
  });
  child.stdin?.end(options.input ?? "");
  const { killAfterMs } = options;
  const killing =
    killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  const [code, signal] = (await once(child, "close")) as [number, null] | [null, NodeJS.Signals];
  clearTimeout(killing);
  return { exitCode: code ?? signal, stdout, stderr };
}

/** Progress, which commands print every two seconds: on a busy machine also those that are quick elsewhere. */
const progressLine = /^(reading |opening |starting: |pass \d+ of |[\d,]+ (rows$|of )).*\n/gm;

/** What it prints. Fails the test unless it ends with 0 and has nothing but progress to say on standard error. */
export async function outputOf(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await banditd(args, options);
  expect({ exitCode, stderr: stderr.replace(progressLine, "") }).toEqual({
    exitCode: 0,
    stderr: "",
  });
  return stdout;
}

/** A `banditd serve` that is ready. */
export interface Served {
  readonly grpcAddress: string;
  readonly httpUrl: string;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
  /** Sends a signal that does not end it. @returns whether it was there */
  signal(signal: NodeJS.Signals): boolean;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Its exit code, once it has ended; null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

const startTimeoutMs = 90_000;

/**
 * Starts `banditd serve` on free ports. Rejects with what it wrote when it ends before it is ready, or is not ready
 * within a minute and a half.
 */
export async function serve(args: readonly string[], options: RunOptions = {}): Promise<Served> {
  const child = start(
    ["serve", "--grpc-port", "0", "--http-port", "0", "--log-level", "warn", ...args],
    options,
  );
  let stdout = "";
  let stderr = "";
  const forget =
    options.reaped === undefined
      ? () => undefined
      : reapWhenOrphaned({
          pid: child.pid as number,
          signal: "KILL",
          directory: options.reaped,
        });
  const ended = once(child, "close").then(([code]) => {
    forget();
    return code as number | null;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const late = setTimeout(() => child.kill("SIGKILL"), startTimeoutMs);
  await new Promise<void>((resolve, reject) => {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (stdout.includes("Stop it with")) resolve();
    });
    void ended.then((code) => reject(new Error(`serve ended with ${code}: ${stdout}${stderr}`)));
  }).finally(() => clearTimeout(late));
  return {
    grpcAddress: /gRPC\s+(\S+)/.exec(stdout)?.[1] ?? "",
    httpUrl: /HTTP\s+(\S+)/.exec(stdout)?.[1] ?? "",
    stdout: () => stdout,
    stderr: () => stderr,
    signal: (signal) => child.kill(signal),
    stop(signal = "SIGTERM") {
      if (child.exitCode === null) child.kill(signal);
      return ended;
    },
    ended,
  };
}

function start(args: readonly string[], options: RunOptions): ChildProcess {
  return spawn(options.node ?? process.execPath, [launcher, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    cwd: options.cwd,
    env: { ...withoutEngines(process.env), ...options.environment },
  });
}

/** The engines of the test run are not those of the command line under test. */
function withoutEngines(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(
      ([name]) => !/^(BANDIT_|REDIS_URL$|DATABASE_URL$|CLICKHOUSE_URL$|NODE_OPTIONS$)/.test(name),
    ),
  );
}
