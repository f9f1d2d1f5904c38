import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { projectRoot } from "../../../src/app/project-root.ts";

/** Runs a program of `bench` as npm does. Rejects with its exit code and what it wrote. */
export function runBench(
  name: string,
  ...args: string[]
): Promise<{ stdout: string; stderr: string }> {
  const options = { cwd: projectRoot, timeout: 110_000 };
  return promisify(execFile)(process.execPath, [`bench/${name}.ts`, ...args], options);
}
