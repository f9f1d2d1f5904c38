import { spawn } from "node:child_process";

/** A server that must not outlive the process that started it. */
export interface Orphan {
  readonly pid: number;
  /** What makes the server stop at once. */
  readonly signal: "QUIT" | "KILL" | "TERM";
  /** Its temporary data, removed with it. */
  readonly directory: string;
}

/**
 * Stops the server and removes its data when this process has ended in whatever way, SIGKILL included:
 * a small shell waits for the end of a pipe that only this process holds open.
 * @returns a function to call once the server has been stopped properly.
 */
export function reapWhenOrphaned(orphan: Orphan): () => void {
  const script =
    'trap "" INT TERM HUP; cat >/dev/null; kill -"$1" "$2" 2>/dev/null; sleep 1; rm -rf "$3"';
  const shell = spawn(
    "/bin/sh",
    ["-c", script, "banditd-test-reaper", orphan.signal, String(orphan.pid), orphan.directory],
    { stdio: ["pipe", "ignore", "ignore"], detached: true, cwd: "/" },
  );
  shell.unref();
  const pipe = shell.stdin as typeof shell.stdin & { unref?: () => void };
  pipe.unref?.();
  pipe.on("error", () => undefined); // the shell was killed first: nothing is left to reap
  return () => {
    shell.kill("SIGKILL");
  };
}
