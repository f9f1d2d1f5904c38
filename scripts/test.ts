// `npm test`: makes sure of the engines, runs every test, and ends with one line: `N passed, N failed`.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureEngines } from "./ensure-engines.ts";

/** The part of vitest's JSON report that is counted. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

interface Count {
  passed: number;
  failed: number;
}

if (!ensureEngines()) {
  console.log("0 passed, 1 failed");
  process.exit(2);
}

const directory = mkdtempSync(join(tmpdir(), "banditd-test-report-"));
const reportFile = join(directory, "report.json");
const exitCode = await runVitest(reportFile);
const report = existsSync(reportFile)
  ? (JSON.parse(readFileSync(reportFile, "utf8")) as Report)
  : undefined;
rmSync(directory, { recursive: true, force: true });

const count = countTests(report);
// An unhandled rejection or a failed teardown breaks a run in which every single test passed.
if (exitCode !== 0 && count.failed === 0) count.failed = 1;
if (count.passed + count.failed === 0) {
  console.error("no test was run");
  count.failed = 1;
}
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = count.failed > 0 ? 1 : 0;

/** A test that was skipped or left as a plan proves nothing: it counts as failed. */
function countTests(report: Report | undefined): Count {
  const count: Count = { passed: 0, failed: 0 };
  for (const file of report?.testResults ?? []) {
    for (const test of file.assertionResults) {
      if (test.status === "passed") {
        count.passed += 1;
        continue;
      }
      count.failed += 1;
      if (test.status !== "failed") console.error(`not run (${test.status}): ${test.fullName}`);
    }
    const failedAsAWhole =
      file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed");
    if (failedAsAWhole) {
      count.failed += 1;
      console.error(`failed as a whole: ${file.name} ${file.message}`);
    }
  }
  return count;
}

function runVitest(outputFile: string): Promise<number> {
  const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${outputFile}`];
  const child = spawn(process.execPath, [vitest, "run", ...reporters, ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  const forward = (signal: NodeJS.Signals): void => {
    child.kill(signal);
  };
  process.on("SIGINT", forward);
  process.on("SIGTERM", forward);
  return new Promise((resolve) => {
    child.on("error", (error) => {
      console.error(`vitest did not start: ${error.message}`);
      resolve(1);
    });
    child.on("close", (code) => resolve(code ?? 1));
  });
}
