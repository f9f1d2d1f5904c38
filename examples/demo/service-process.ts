import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const launcher = fileURLToPath(new URL("../../bin/banditd.mjs", import.meta.url));
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
 * @throws Error with what it wrote, when it does not become ready.
 */
export async function startServiceProcess(
  dataDir: string,
  onStep: (step: string) => void,
): Promise<ServiceProcess> {
  const args = ["serve", "--data-dir", dataDir, "--host", "127.0.0.1"];
  const quiet = ["--grpc-port", "0", "--http-port", "0", "--log-level", "warn"];
  const child = spawn(process.execPath, [launcher, ...args, ...quiet], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {},
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-stderrCharactersMax);
    const step = /starting: (.+)/.exec(text)?.[1];
    if (step !== undefined) onStep(step);
  });
  const ended = once(child, "close");
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), stopMsMax);
    await ended;
    clearTimeout(late);
  };
  const late = setTimeout(() => child.kill("SIGKILL"), readyMsMax);
  const address = await new Promise<string | undefined>((resolve) => {
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      const found = /gRPC\s+(\S+)\n/.exec(stdout)?.[1];
      if (found !== undefined) resolve(found);
    });
    void ended.then(() => resolve(undefined));
  });
  clearTimeout(late);
  if (address === undefined) throw new Error(`the service did not start:\n${stderr.trim()}`);
  return { address, lastWords: () => stderr.trim(), stop };
}
