import { readdirSync, readFileSync } from "node:fs";

/** What the service's process holds at one moment, in MiB; zero where /proc does not tell. */
export interface MemorySample {
  /** Resident set. */
  readonly residentMib: number;
  /** Of it, what is the process's own: heap, buffers, code. */
  readonly ownMib: number;
  /** V8's heap in use: live objects and garbage not collected yet. */
  readonly heapMib: number;
  /** Resident set of the processes the service has started: the embedded event engine. */
  readonly childrenMib: number;
}

/** @param page of /metrics */
export function sampleMemory(pid: number, page: string): MemorySample {
  const status = readStatus(pid);
  let childrenMib = 0;
  for (const name of readdirSync("/proc")) {
    const child = /^\d+$/.test(name) ? readStatus(Number(name)) : undefined;
    if (child?.parentPid === pid) childrenMib += child.residentMib;
  }
  return {
    residentMib: status?.residentMib ?? 0,
    ownMib: status?.ownMib ?? 0,
    heapMib: (sumOf(page, "nodejs_heap_size_used_bytes") ?? 0) / 2 ** 20,
    childrenMib,
  };
}

/** Sum of the series of a metric; undefined when the page has none. @param labels text that a series must have */
export function sumOf(page: string, metric: string, labels = ""): number | undefined {
  let sum: number | undefined;
  for (const line of page.split("\n")) {
    const isSeries = line.startsWith(`${metric}{`) || line.startsWith(`${metric} `);
    if (isSeries && line.includes(labels)) {
      sum = (sum ?? 0) + Number(line.slice(line.lastIndexOf(" ") + 1));
    }
  }
  return sum;
}

function readStatus(
  pid: number,
): { parentPid: number; residentMib: number; ownMib: number } | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const field = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
    return {
      parentPid: field("PPid"),
      residentMib: (field("VmRSS") || 0) / 1024,
      ownMib: (field("RssAnon") || 0) / 1024,
    };
  } catch {
    return undefined; // not Linux, or the process has gone
  }
}
