import { spawn } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";

const programs = {
  "catalogue-writer": new URL("./catalogue-writer.ts", import.meta.url),
  "disk-queue-writer": new URL("./disk-queue-writer.ts", import.meta.url),
  "outbox-inserter": new URL("./outbox-inserter.ts", import.meta.url),
  "outbox-worker": new URL("./outbox-worker.ts", import.meta.url),
  "slot-holder": new URL("./slot-holder.ts", import.meta.url),
  "state-full-disk": new URL("./state-full-disk.ts", import.meta.url),
  "state-writer": new URL("./state-writer.ts", import.meta.url),
};

/** A program of this directory that runs in a process of its own. */
export interface Program {
  /** What it says, without a last line that its end cut off. */
  readonly lines: AsyncIterable<string>;
  /** Its exit code; null when it was killed. */
  readonly ended: Promise<number | null>;
  /** Kills it at once. Resolves when it has ended. */
  kill(): Promise<unknown>;
}

/**
 * Starts a program, which does not outlive the test.
 * @param fileKilobytesMax no file may become larger, which stands for a full disk: writes end short, as they do there
 */
export function startProgram(
  name: keyof typeof programs,
  args: readonly string[],
  fileKilobytesMax?: number,
): Program {
  const command = [process.execPath, programs[name].pathname, ...args];
  const limit = `ulimit -f ${fileKilobytesMax ?? "unlimited"}; exec "$@"`;
  const child = spawn("/bin/bash", ["-c", limit, name, ...command], {
    stdio: ["ignore", "pipe", fileKilobytesMax === undefined ? "inherit" : "ignore"],
  });
  const ended = once(child, "exit").then(([code]) => code as number | null);
  const kill = () => {
    child.kill("SIGKILL");
    return ended;
  };
  onTestFinished(async () => void (await kill()));
  return { lines: wholeLines(child.stdout.setEncoding("utf8")), ended, kill };
}

async function* wholeLines(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = "";
  for await (const piece of pieces) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** The first line that it says. */
export async function firstLine({ lines }: Program): Promise<string> {
  for await (const line of lines) return line;
  throw new Error("it said nothing");
}
