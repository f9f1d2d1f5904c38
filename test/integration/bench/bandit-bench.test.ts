import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { runBench } from "./run-bench.ts";

const directory = temporaryDirectory();

/** No figure is compared with a wall clock here: a busy machine must not fail the suite. */
test("a tiny run of the core's bench has a line for every algorithm and size, and every goal", async () => {
  const { stdout } = await runBench("bandit", "--rounds", "2", "--arms", "2,10");
  const rows = stdout.split("\n").filter((line) => /^[a-z_0-9]+ +(2|10) /.test(line));
  expect(rows).toHaveLength(16);
  for (const row of rows) {
    const figures = row.trim().split(/ +/).slice(2).map(Number);
    expect(figures).toHaveLength(3);
    for (const figure of figures) expect(figure).toBeGreaterThan(0);
  }
  expect(stdout.match(/^(ok|MISSED) +.*: [\d.]+$/gm)).toHaveLength(3);
});

test("a tiny run of the regret bench draws every policy, and the same again", async () => {
  const [first, second] = [join(directory, "first.svg"), join(directory, "second.svg")];
  const { stdout } = await runBench("regret", "--runs", "2", "--steps", "150", first);
  await runBench("regret", "--runs", "2", "--steps", "150", second);
  const svg = readFileSync(first, "utf8");
  expect(readFileSync(second, "utf8")).toBe(svg);
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  expect(isBalanced(svg)).toBe(true);
  expect(svg.match(/<polygon /g)).toHaveLength(10);
  for (const policy of ["Thompson sampling", "KL-UCB", "linear Thompson", "uniform"]) {
    expect(stdout).toContain(policy);
    expect(svg).toMatch(new RegExp(`<text class="label f\\d"[^>]*>${policy}: \\d+</text>`));
  }
});

test("wrong arguments are refused with the usage", async () => {
  const refused = { code: 2, stderr: expect.stringContaining("usage:") };
  await expect(runBench("bandit", "--arms", "1")).rejects.toMatchObject(refused);
  await expect(runBench("bandit", "--runs", "1")).rejects.toMatchObject(refused);
  await expect(runBench("regret", "--runs", "1")).rejects.toMatchObject(refused);
  await expect(runBench("regret", "a.svg", "b.svg")).rejects.toMatchObject(refused);
});

/** Whether every element of a document without comments is closed, in order. */
function isBalanced(xml: string): boolean {
  const open: string[] = [];
  for (const [, closing, name, empty] of xml.matchAll(/<(\/?)([a-zA-Z]+)[^>]*?(\/?)>/g)) {
    if (closing === "/") {
      if (open.pop() !== name) return false;
    } else if (empty !== "/") open.push(name as string);
  }
  return open.length === 0;
}
