import type { Fault, FaultSite } from "./fault.ts";
import { type FaultResult, runFault } from "./fault-run.ts";
import { addToReport, type ReportLine } from "./report.ts";

/** Where the faults of one test file are run, one after the other, and what the report says of them. */
export class FaultBench {
  readonly #file: string;
  readonly #lines: ReportLine[] = [];
  #site: FaultSite | undefined;

  /** @param file names this file's part of the report */
  constructor(file: string) {
    this.#file = file;
  }

  use(site: FaultSite): void {
    this.#site = site;
  }

  /** What the test has to look at are its `failures`. */
  async run(fault: Fault): Promise<FaultResult> {
    if (this.#site === undefined) throw new Error("there is no world to break");
    const result = await runFault(this.#site, fault);
    this.#lines.push(result.line);
    return result;
  }

  /** Writes and prints the report of this run so far. */
  report(): void {
    console.log(`\n${addToReport(this.#file, this.#lines)}\n`);
  }
}
