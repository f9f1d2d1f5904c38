import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, onTestFinished, TestRunner } from "vitest";

const remove = (directory: string) => rmSync(directory, { recursive: true, force: true });

/** Those that a file makes beside its tests. Not hooked on where they are made, since hooks may make them too. */
const ofFile: string[] = [];
afterAll(() => ofFile.splice(0).forEach(remove));

/** A new directory. It is removed after the test that made it, or else after all tests of the file. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "banditd-test-"));
  if (TestRunner.getCurrentTest() === undefined) ofFile.push(directory);
  else onTestFinished(() => remove(directory));
  return directory;
}
