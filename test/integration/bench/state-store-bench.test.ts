import { expect, test } from "vitest";
import { runBench } from "./run-bench.ts";

test("the state store bench runs and prints a rate for both stores", async () => {
  const { stdout } = await runBench("state-store", "200");
  expect(stdout).toMatch(/^sqlite: decisions, 64 in flight: \d+\/s, p50 [\d.]+ ms/m);
  expect(stdout).toMatch(/^redis: outcomes, 1 in flight: \d+\/s, p50 [\d.]+ ms/m);
});
