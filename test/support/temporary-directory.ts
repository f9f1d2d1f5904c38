import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, onTestFinished, TestRunner } from "vitest";

/** A new directory. It is removed after the test that made it, or after all tests of the file or suite that did. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "banditd-test-"));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  if (TestRunner.getCurrentTest() === undefined) afterAll(remove);
  else onTestFinished(remove);
  return directory;
}
