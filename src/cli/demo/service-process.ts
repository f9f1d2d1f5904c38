import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { projectRoot } from "../../app/project-root.ts";
import { CliError, exitCodes } from "../exit-code.ts";

const readyMsMax = 60_000;
const stopMsMax = 15_000;
const stderrCharactersMax = 4000;

/** A `banditd serve` of its own, as agents meet it: in another process, over the network. */
export interface ServiceProcess {
  /** `host:port` of gRPC. */
  readonly address: string;
  /** What it has written to standard error last. */
  lastWords(): string;
  /** Asks it to stop and waits; ends it the hard way when it takes too long. */
  stop(): Promise<void>;
}

/**
 * Starts a service on embedded engines in `dataDir` and on free ports. It gets an empty environment, so
 * that configured engines stay untouched.
 * @throws CliError failed, with what it wrote, when it does not become ready.
 */
export async function startServiceProcess(options: {
  dataDir: string;
  onProgress: (step: string) => void;
}): Promise<ServiceProcess> {
  const launcher = join(projectRoot, "bin/banditd.mjs");
  const args = ["serve", "--data-dir", options.dataDir, "--host", "127.0.0.1"];
  const quiet = ["--grpc-port", "0", "--http-port", "0", "--log-level", "warn"];
  const child = spawn(process.execPath, [launcher, ...args, ...quiet], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {},
  });
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-stderrCharactersMax);
    const step = /starting: (.+)/.exec(text)?.[1];
    if (step !== undefined) options.onProgress(step);
  });
  const ended = once(child, "close");
  const stop = (): Promise<void> => stopProcess(child, ended);
  const address = await Promise.race([
    readAddress(child),
    ended.then(() => undefined),
    sleep(readyMsMax, undefined, { ref: false }),
  ]);
  if (address === undefined) {
    await stop();
    throw new CliError(exitCodes.failed, `the service did not start:\n${stderr.trim()}`);
  }
  return { address, lastWords: () => stderr.trim(), stop };
}

/** Resolves with the gRPC address once the service has said that it is ready. */
function readAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let stdout = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      const address = /gRPC\s+(\S+)\n/.exec(stdout)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
}

async function stopProcess(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill("SIGTERM");
  const late = sleep(stopMsMax, "late" as const, { ref: false });
  if ((await Promise.race([ended, late])) === "late") child.kill("SIGKILL");
  await ended;
}
