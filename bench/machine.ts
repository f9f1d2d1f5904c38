import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";

/** Where and with what a measurement was made. */
export interface Machine {
  readonly cpuModel: string;
  readonly cpus: number;
  readonly memoryGib: number;
  readonly node: string;
  readonly commit: string;
  /** Processes that wanted a CPU over the last minute, before the measurement: above 0.5 it is not alone. */
  readonly loadAverageBefore: number;
  /** How the processes were kept on the same cores, or why they were not. */
  readonly pinning: string;
}

/**
 * Keeps this process, and so every process it starts, on the given CPUs.
 * @param cpuList as taskset takes it, e.g. `0,1` or `0-1` @param what is pinned, in words
 * @returns what was done, for the report
 */
export function pinToCpus(cpuList: string, what = "everything"): string {
  if (availableParallelism() <= cpusOf(cpuList).length) {
    return `not pinned: the machine has ${availableParallelism()} CPUs`;
  }
  const failure = setCpus(process.pid, cpuList);
  return failure === undefined ? `${what} on CPUs ${cpuList} (taskset)` : `not pinned: ${failure}`;
}

/**
 * Moves a process that this one has started to the CPUs that are left, so that making the load takes nothing
 * away from what is measured. @param pinned where this process is, as taskset takes it
 * @returns what was done, for the report
 */
export function moveToOtherCpus(pid: number, pinned: string): string {
  const taken = cpusOf(pinned);
  const others = [...cpus().keys()].filter((cpu) => !taken.includes(cpu)).join(",");
  if (others === "") return "on the same CPUs";
  const failure = setCpus(pid, others);
  return failure === undefined ? `on CPUs ${others}` : `on the same CPUs: ${failure}`;
}

/** Of `0,2-3`: 0, 2 and 3. */
function cpusOf(cpuList: string): number[] {
  return cpuList.split(",").flatMap((part) => {
    const [from, to = from] = part.split("-").map(Number) as [number, number?];
    return Array.from({ length: to - from + 1 }, (_, at) => from + at);
  });
}

/** All threads of a process. @returns why it could not be done */
function setCpus(pid: number, cpuList: string): string | undefined {
  try {
    execFileSync("taskset", ["-a", "-cp", cpuList, String(pid)], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    return `taskset failed (${(error as Error).message.split("\n")[0]})`;
  }
}

/** To be called before the measurement. @param pinning what {@link pinToCpus} said */
export function describeMachine(pinning: string): Machine {
  return {
    loadAverageBefore: loadavg()[0] ?? 0,
    cpuModel: cpus()[0]?.model ?? "unknown",
    cpus: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    commit: commitOfWorkingTree(),
    pinning,
  };
}

function commitOfWorkingTree(): string {
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: import.meta.dirname, stdio: ["ignore", "pipe", "ignore"] })
      .toString()
      .trim();
  try {
    const dirty = git("status", "--porcelain", "--untracked-files=no") === "" ? "" : "+changes";
    return git("rev-parse", "--short=12", "HEAD") + dirty;
  } catch {
    return "unknown"; // not a git checkout
  }
}

/**
 * CPU seconds used so far by the process itself and by the processes it has started, all threads;
 * undefined where /proc does not tell.
 */
export function cpuSecondsOf(pid: number): { own: number; children: number } | undefined {
  const own = readProcess(pid)?.cpuSeconds;
  if (own === undefined) return undefined;
  let children = 0;
  for (const name of readdirSync("/proc")) {
    const process = /^\d+$/.test(name) ? readProcess(Number(name)) : undefined;
    if (process?.parentPid === pid) children += process.cpuSeconds;
  }
  return { own, children };
}

function readProcess(pid: number): { parentPid: number; cpuSeconds: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in parentheses may hold spaces; ppid, utime and stime are fields 4, 14 and 15, in 1/100 s.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return {
      parentPid: Number(fields[1]),
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    };
  } catch {
    return undefined; // not Linux, or the process has gone
  }
}

/** Largest resident set so far, in MiB; undefined where /proc does not tell. */
export function peakMemoryMibOf(pid: number): number | undefined {
  try {
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
    return peak === null ? undefined : Math.round(Number(peak[1]) / 1024);
  } catch {
    return undefined; // not Linux, or the process has gone
  }
}
