import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** One line of the fault report. Times in milliseconds. */
export interface ReportLine {
  /** Order in the report. */
  readonly number: number;
  readonly fault: string;
  readonly calls: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly doubled: number;
  readonly longestUnavailabilityMs: number;
  readonly longestAnswerMs: number;
}

const dist = join(import.meta.dirname, "../../../dist");
const pieces = join(dist, "fault-report");
/** All test files of one run have the same parent. */
const run = `run-${process.ppid}`;

/**
 * Adds a test file's lines to the report of this run: `dist/fault-report.md`.
 * @returns the report as it is now, with the lines of the files that have ended
 */
export function addToReport(file: string, lines: readonly ReportLine[]): string {
  const directory = join(pieces, run);
  for (const other of listed(pieces)) {
    if (other !== run) rmSync(join(pieces, other), { recursive: true, force: true });
  }
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${file}.json`), JSON.stringify(lines));
  const all = listed(directory)
    .flatMap((name) => JSON.parse(readFileSync(join(directory, name), "utf8")) as ReportLine[])
    .sort((a, b) => a.number - b.number);
  const table = formatReport(all);
  writeFileSync(join(dist, "fault-report.md"), `${table}\n`);
  return table;
}

const columns: readonly [title: string, cell: (line: ReportLine) => string | number][] = [
  ["#", (line) => line.number],
  ["fault", (line) => line.fault],
  ["calls", (line) => line.calls],
  ["acknowledged", (line) => line.acknowledged],
  ["lost", (line) => line.lost],
  ["doubled", (line) => line.doubled],
  ["longest unavailability", (line) => seconds(line.longestUnavailabilityMs)],
  ["longest answer", (line) => seconds(line.longestAnswerMs)],
];

/** A Markdown table that can be read as it is. */
function formatReport(lines: readonly ReportLine[]): string {
  const header = columns.map(([title]) => title);
  const rows = lines.map((line) => columns.map(([, cell]) => String(cell(line))));
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] as string).length)),
  );
  const textColumn = 1;
  const format = (cells: readonly string[]): string => {
    const padded = cells.map((cell, column) => {
      const width = widths[column] as number;
      return column === textColumn ? cell.padEnd(width) : cell.padStart(width);
    });
    return `| ${padded.join(" | ")} |`;
  };
  const rule = widths.map((width, column) =>
    column === textColumn ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [format(header), `| ${rule.join(" | ")} |`, ...rows.map(format)].join("\n");
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
