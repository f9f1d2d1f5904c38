import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** A process of the benchmark that answers over IPC. */
export interface Child {
  readonly pid: number;
  /** What it sent when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** Sends a message and resolves with the next one that comes back. One question at a time. */
  ask(message: unknown, timeoutMs: number): Promise<Record<string, unknown>>;
  /** Disconnects, which each of our processes takes as the order to end; kills it when it does not. */
  stop(): Promise<void>;
}

const readyTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;

/** @param script file name in this directory @throws with what the process wrote when it ends instead of getting ready */
export async function startChild(
  script: string,
  options: { args?: readonly string[]; nodeOptions?: readonly string[] } = {},
): Promise<Child> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = fork(path, [...(options.args ?? [])], {
    execArgv: [...(options.nodeOptions ?? [])],
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let output = "";
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-outputCharactersMax);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  const receive = (timeoutMs: number) =>
    nextMessage(child, { timeoutMs, describe: () => `${script}:\n${output}` });
  try {
    const ready = await receive(readyTimeoutMs);
    return {
      pid: child.pid as number,
      ready,
      ask: (message, timeoutMs) => {
        const answer = receive(timeoutMs);
        child.send(message as object);
        return answer;
      },
      stop: () => stopChild(child),
    };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

const outputCharactersMax = 4096;

function nextMessage(
  child: ChildProcess,
  options: { timeoutMs: number; describe: () => string },
): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      child.off("message", onMessage);
      child.off("exit", onExit);
      finish();
    };
    const onMessage = (message: unknown) =>
      settle(() => {
        const fields = message as Record<string, unknown>;
        if (fields["error"] === undefined) resolve(fields);
        else reject(new Error(`${fields["error"]}\n${options.describe()}`));
      });
    const onExit = (code: number | null, signal: string | null) =>
      settle(() => reject(new Error(`ended (${signal ?? code}): ${options.describe()}`)));
    const timer = setTimeout(
      () =>
        settle(() =>
          reject(new Error(`silent for ${options.timeoutMs} ms: ${options.describe()}`)),
        ),
      options.timeoutMs,
    );
    child.on("message", onMessage);
    child.on("exit", onExit);
  });
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
  if (child.connected) child.disconnect();
  await exited;
  clearTimeout(timer);
}
