import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Fault, FaultSite } from "./fault.ts";
import { type FaultResult, runFault } from "./fault-run.ts";
import { addToReport, type ReportLine } from "./report.ts";

interface OpenedSite extends FaultSite {
  remove(): Promise<void>;
}

/** Where the faults of one test file are run, one after the other. */
export interface FaultBench<Site extends FaultSite> {
  /** Opened before the first test. */
  readonly site: Site;
  /** A test that every promise is kept while this breaks. @param check looks at more than the promises */
  it(fault: Fault<Site>, check?: (result: FaultResult, site: Site) => unknown): void;
}

/**
 * Opens a site, has its faults run by the tests that `define` declares, and writes and prints the report of them.
 * @param options.file names this file's part of the report
 */
export function describeFaults<Site extends OpenedSite>(
  title: string,
  options: {
    readonly file: string;
    readonly open: () => Promise<Site>;
    readonly timeoutMs?: number;
  },
  define: (bench: FaultBench<Site>) => void,
): void {
  describe(title, { timeout: options.timeoutMs ?? 300_000 }, () => {
    const lines: ReportLine[] = [];
    let site: Site | undefined;
    beforeAll(async () => {
      site = await options.open();
    }, 120_000);
    afterAll(async () => {
      console.log(`\n${addToReport(options.file, lines)}\n`);
      await site?.remove();
    });
    define({
      get site() {
        return site as Site;
      },
      it(fault, check) {
        it(fault.name, async () => {
          const opened = site as Site;
          const result = await runFault(opened, fault);
          lines.push(result.line);
          expect(result.failures, result.context.done.join("\n")).toEqual([]);
          await check?.(result, opened);
        });
      },
    });
  });
}
