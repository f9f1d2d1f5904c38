import { systemClock } from "../app/system.ts";
import { decoded } from "./input/utf8-text.ts";
import type { Terminal } from "./terminal.ts";

/** The terminal, or the pipes, of this process. */
export function processTerminal(): Terminal {
  // A reader that has seen enough (`| head`) is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit();
    throw error;
  });
  return {
    out: (text) => {
      process.stdout.write(text);
    },
    err: (text) => {
      process.stderr.write(text);
    },
    errIsScreen: process.stderr.isTTY === true,
    monotonicMs: () => systemClock.monotonicMs(),
    nowMs: () => systemClock.nowMs(),
    readInput: () => decoded(process.stdin, "standard input"),
    waitForStop,
    endWithin(timeMs, exitCode) {
      setTimeout(() => process.exit(exitCode), timeMs).unref();
    },
  };
}

/**
 * The same key press can reach us several times (terminal, npm and launcher each pass it on), so a
 * second signal counts only when it comes a moment later.
 */
const sameSignalMs = 1000;

function waitForStop(): Promise<string> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        const nowMs = systemClock.monotonicMs();
        if (firstMs === undefined) {
          firstMs = nowMs;
          resolve(signal);
        } else if (nowMs - firstMs > sameSignalMs) {
          process.stderr.write("stopping at once\n");
          process.exit(1);
        }
      });
    }
  });
}
