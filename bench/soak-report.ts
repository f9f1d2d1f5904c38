import type { LatencySummary } from "./latency-summary.ts";
import type { Machine } from "./machine.ts";
import { p99MsMax, type SoakFigures, type SoakSettings, sustainedP99MsMax } from "./soak-run.ts";

/** What `npm run bench:soak` measured; written as JSON with `--out`. */
export interface SoakReport {
  /** ISO 8601. */
  readonly startedAt: string;
  readonly machine: Machine;
  readonly settings: SoakSettings;
  readonly stores: readonly { readonly figures: SoakFigures; readonly verdict: SoakVerdict }[];
}

/** One thing that is asked of the service under too much load, and what was measured. */
export interface Demand {
  readonly text: string;
  readonly met: boolean;
}

export interface SoakVerdict {
  readonly demands: readonly Demand[];
  /** Events that are not in the event log exactly once, and calls that ended in another way than they may. */
  readonly problems: readonly string[];
}

/** Of the calls a second that are answered at the sustainable load, this part at least is answered under too much. */
const answeredShareMin = 0.9;
/** Memory of the last stretch may be above the second's by this part … */
const growthShareMax = 0.1;
/** … or by this much, whichever is more. The first stretch fills caches and compiles code. */
const growthMibMax = 32;
const windowsToJudge = 4;
const windowSecondsToJudge = 30;
/** A decision, a report of the generation and one of its outcome. */
const callsPerGeneration = 3;

export function verdictOf(figures: SoakFigures, settings: SoakSettings): SoakVerdict {
  const calls = ["SelectVariant", "RecordGeneration", "RecordOutcome"] as const;
  const lost = calls
    .filter((call) => {
      // A degraded decision is promised to nobody, but may have been stored late.
      const spare = call === "SelectVariant" ? figures.degraded : 0;
      const beyond = figures.found[call] - figures.acknowledged[call];
      return beyond < 0 || beyond > spare;
    })
    .map(
      (call) =>
        `${call}: ${figures.acknowledged[call]} acknowledged, ${figures.found[call]} in the event log`,
    );
  const failed = figures.otherFailures.map(
    ({ call, status, count }) => `${count} ${call} calls ended in ${status}`,
  );
  const share = answeredShare(figures, settings);
  const memory = memoryVerdict(figures, settings);
  return {
    demands: [
      {
        text: `answered ≥ ${answeredShareMin} of the sustainable load: ${share.toFixed(2)}`,
        met: share >= answeredShareMin,
      },
      {
        text: `p99 of the answered ≤ ${p99MsMax} ms: ${figures.all.p99Ms.toFixed(1)} ms`,
        met: figures.all.p99Ms <= p99MsMax,
      },
      { text: `memory from the second to the last stretch: ${memory}`, met: memory !== "growing" },
      {
        text: `nothing refused one second after the load: ${figures.refusedAfterwards} refused`,
        met: figures.refusedAfterwards === 0,
      },
    ],
    problems: [...lost, ...failed],
  };
}

/** Calls answered a second, as a part of those of the sustainable load, which are all answered. */
function answeredShare(
  { all, windows, sustainablePerSecond }: SoakFigures,
  settings: SoakSettings,
): number {
  const perSecond = all.n / (windows.length * settings.windowSeconds);
  return perSecond / (callsPerGeneration * sustainablePerSecond);
}

function memoryVerdict(
  { windows }: SoakFigures,
  { windowSeconds }: SoakSettings,
): "flat" | "growing" | "too short to say" {
  const second = windows[1]?.memory;
  const last = windows.at(-1)?.memory;
  const isLong = windows.length >= windowsToJudge && windowSeconds >= windowSecondsToJudge;
  if (!isLong || second === undefined || last === undefined) return "too short to say";
  const grew = (["ownMib", "heapMib"] as const).some(
    (part) => last[part] - second[part] > Math.max(growthMibMax, growthShareMax * second[part]),
  );
  return grew ? "growing" : "flat";
}

/** The report for people, at most 100 columns wide. */
export function soakText(report: SoakReport): string {
  const { machine, settings } = report;
  const lines = [
    "Overload of banditd: open loop, latency from when a call was due",
    `${report.startedAt}, commit ${machine.commit}, node ${machine.node}`,
    `${machine.cpus} CPUs ${machine.cpuModel}, ${machine.memoryGib} GiB; ${machine.pinning}; ` +
      `load average ${machine.loadAverageBefore.toFixed(1)}`,
    `${settings.connections} connections, ${settings.windows} x ${settings.windowSeconds} s`,
  ];
  for (const { figures, verdict } of report.stores) lines.push("", ...storeLines(figures, verdict));
  return lines.join("\n");
}

function storeLines(figures: SoakFigures, verdict: SoakVerdict): string[] {
  const { sustainablePerSecond, offeredPerSecond, answered, all } = figures;
  const shares = (kind: "select" | "report") => {
    const [kept, shed] = [answered[kind].n, figures.shed[kind]];
    return `${kept} answered, ${shed} refused (${((100 * shed) / Math.max(1, kept + shed)).toFixed(1)} %)`;
  };
  return [
    `── ${figures.store} (${Object.values(figures.engines).join(", ")}) `.padEnd(96, "─"),
    `  load comes    from a process ${figures.generatorPinning}`,
    `  sustainable   ${Math.round(sustainablePerSecond)} generations/s (p99 below ${sustainedP99MsMax} ms, ` +
      "nothing refused)",
    `  offered       ${Math.round(offeredPerSecond)} generations/s`,
    `  selects       ${shares("select")}`,
    `  reports       ${shares("report")}`,
    `  degraded      ${figures.degraded} decisions were answered without the state store`,
    "",
    "  answered, ms         n      p50      p95      p99    p99.9      max",
    latencyLine("selects", answered.select),
    latencyLine("reports", answered.report),
    latencyLine("all", all),
    latencyLine("late sending", figures.sendLag),
    "",
    "  part    answered  refused     p50     p99   p99.9  own MiB heap MiB  RSS MiB  events lag s",
    ...figures.windows.map((window, index) => {
      const { latency, memory, lagSecondsMax } = window;
      const cells = [
        [String(index + 1), 8],
        [String(latency.n), 9],
        [String(window.shed.select + window.shed.report), 8],
        [latency.p50Ms.toFixed(1), 7],
        [latency.p99Ms.toFixed(1), 7],
        [latency.p999Ms.toFixed(1), 7],
        [memory.ownMib.toFixed(0), 8],
        [memory.heapMib.toFixed(0), 8],
        [memory.residentMib.toFixed(0), 8],
        [memory.childrenMib.toFixed(0), 6],
        [(lagSecondsMax ?? Number.NaN).toFixed(1), 5],
      ] as const;
      return cells.map(([cell, width]) => cell.padStart(width)).join(" ");
    }),
    "",
    `  event log     ${Object.entries(figures.acknowledged)
      .map(([call, count]) => `${figures.found[call as keyof typeof figures.found]} of ${count}`)
      .join(", ")} acknowledged;`,
    `                complete ${Math.round(figures.catchUpMs)} ms after the load`,
    ...verdict.demands.map(({ text, met }) => `  ${met ? "ok    " : "MISSED"}  ${text}`),
    ...verdict.problems.map((problem) => `  FAILED  ${problem}`),
  ];
}

function latencyLine(name: string, summary: LatencySummary): string {
  const { n, p50Ms, p95Ms, p99Ms, p999Ms, maxMs } = summary;
  const values = [p50Ms, p95Ms, p99Ms, p999Ms, maxMs].map((value) => value.toFixed(1).padStart(8));
  return `  ${name.padEnd(13)}${String(n).padStart(9)} ${values.join(" ")}`;
}
