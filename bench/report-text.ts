import { type LatencySummary, median } from "./latency-summary.ts";
import type { OverheadReport } from "./overhead-report.ts";
import type { CpuShares, StoreFigures } from "./store-benchmark.ts";
import type { Target } from "./targets.ts";

/** The report for people, at most 100 columns wide. */
export function reportText(report: OverheadReport): string {
  const { machine, settings } = report;
  const lines = [
    "Overhead of banditd over a bare grpc-js echo with the same codec",
    `${report.startedAt}, commit ${machine.commit}, node ${machine.node}`,
    `${machine.cpus} CPUs ${machine.cpuModel}, ${machine.memoryGib} GiB; ${machine.pinning}; ` +
      `load average ${machine.loadAverageBefore.toFixed(1)}`,
    ...(settings.nodeOptions.length === 0 ? [] : [`node ${settings.nodeOptions.join(" ")}`]),
    `${settings.connections} connections x ${settings.inFlightPerConnection} in flight, ` +
      `${settings.rounds} rounds x ${settings.seconds} s, echo and service in turn`,
  ];
  for (const { figures, targets, problems } of report.stores) {
    lines.push("", ...storeLines(figures), "", ...targets.map(targetLine));
    lines.push(...problems.map((problem) => `  FAILED  ${problem}`));
  }
  return lines.join("\n");
}

function storeLines(figures: StoreFigures): string[] {
  const { throughput, oneInFlight, halfLoad, eventLog } = figures;
  const last = throughput.at(-1);
  const ratios = throughput.map((round) => round.ratio);
  return [
    `── ${figures.store} (${Object.values(figures.engines).join(", ")}) `.padEnd(96, "─"),
    `  closed loop   echo ${perSecond(throughput.map((round) => round.echoPerSecond))}, ` +
      `SelectVariant ${perSecond(throughput.map((round) => round.selectsPerSecond))}, ` +
      `one process`,
    `                ratio ${median(ratios).toFixed(2)} ` +
      `(${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}); whole generations ` +
      `${perSecond([figures.generationsPerSecondMax])}`,
    ...(last === undefined
      ? []
      : [
          `  CPU (cores)   echo's phase: ${cpu("echo", last.echoCpu)}`,
          `                service's:    ${cpu("service", last.serviceCpu)}`,
          `                half load:    ${cpu("service", halfLoad.cpu)}`,
        ]),
    "",
    `  ${"milliseconds".padEnd(32)}${["n", "p50", "p95", "p99", "p99.9", "max"].map(cell).join("")}`,
    latencyLine("one in flight: echo", oneInFlight.echo),
    latencyLine("one in flight: SelectVariant", oneInFlight.select),
    latencyLine("half load: SelectVariant", halfLoad.calls.SelectVariant),
    latencyLine("half load: RecordGeneration", halfLoad.calls.RecordGeneration),
    latencyLine("half load: RecordOutcome", halfLoad.calls.RecordOutcome),
    latencyLine("half load: sum of the three", halfLoad.sum),
    latencyLine("  of it, late sending", halfLoad.sendLag),
    latencyLine("half load: echo, sum of three", halfLoad.echoSum),
    `  Half load is ${perSecond([halfLoad.generationsPerSecond])} generations, arriving at random; ` +
      `counted from when they were due.`,
    "",
    `  event log     ${eventLog.found.SelectVariant} decisions of ${eventLog.acknowledged.SelectVariant} ` +
      `acknowledged, ${eventLog.found.RecordGeneration} generations of ` +
      `${eventLog.acknowledged.RecordGeneration},`,
    `                ${eventLog.found.RecordOutcome} outcomes of ${eventLog.acknowledged.RecordOutcome}; ` +
      `${eventLog.learned} generations learned from;`,
    `                complete ${Math.round(eventLog.catchUpMs)} ms after the load`,
    `  memory        ${figures.peakMemoryMib ?? "?"} MiB at most`,
  ];
}

function targetLine(target: Target): string {
  const bound = { "at least": ">=", "at most": "<=" }[target.bound];
  const measured = target.unit === "x" ? target.measured.toFixed(2) : target.measured.toFixed(3);
  const verdict = target.met ? "ok" : "MISSED";
  return (
    `  ${verdict.padEnd(7)} ${target.name.padEnd(52)} ${bound} ${String(target.wanted).padEnd(5)}` +
    ` measured ${measured.padStart(8)} ${target.unit}`
  );
}

function latencyLine(name: string, summary: LatencySummary): string {
  const { n, p50Ms, p95Ms, p99Ms, p999Ms, maxMs } = summary;
  const values = [p50Ms, p95Ms, p99Ms, p999Ms, maxMs].map((value) => value.toFixed(3));
  return `  ${name.padEnd(32)}${[String(n), ...values].map(cell).join("")}`;
}

function cell(text: string): string {
  return text.padStart(10);
}

function perSecond(values: readonly number[]): string {
  return `${Math.round(median(values)).toLocaleString("en")}/s`;
}

function cpu(server: string, shares: CpuShares): string {
  const show = (share: number | undefined) => share?.toFixed(2) ?? "?";
  const shown = [
    `${server} ${show(shares.server)}`,
    ...(shares.serverChildren ? [`its event engine ${show(shares.serverChildren)}`] : []),
    ...(shares.redis === undefined ? [] : [`redis ${show(shares.redis)}`]),
    `load generator ${show(shares.generator)}`,
  ];
  return shown.join(", ");
}
