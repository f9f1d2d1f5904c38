import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("the state store bench runs and prints a rate for both stores", async () => {
  const program = new URL("../../../bench/state-store.ts", import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, [program, "200"]);
  expect(stdout).toMatch(/^sqlite: decisions, 64 in flight: \d+\/s, p50 [\d.]+ ms/m);
  expect(stdout).toMatch(/^redis: outcomes, 1 in flight: \d+\/s, p50 [\d.]+ ms/m);
});
