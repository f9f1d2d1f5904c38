import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const main = join(import.meta.dirname, "../../../examples/demo/main.ts");

async function demo(args: readonly string[], options: { interruptAt?: string } = {}) {
  const temporary = temporaryDirectory();
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: temporary },
  });
  child.stderr.on("data", (chunk: Buffer) => {
    if (options.interruptAt !== undefined && chunk.includes(options.interruptAt))
      child.kill("SIGINT");
  });
  const ended = once(child, "close");
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [exitCode] = await ended;
  return { exitCode, stdout, stderr, leftBehind: readdirSync(temporary) };
}

it("loses no call, finds the best variants, and ClickHouse agrees with what the agents counted", async () => {
  const { exitCode, stdout, stderr, leftBehind } = await demo(["--tasks", "1200", "--json"]);
  expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" });
  const report = JSON.parse(stdout);
  expect(report.failures).toEqual([]);
  expect(report.tasks).toBe(1200);
  expect(report.repeated).toBe(0);
  expect(report.rewards.learned).toBeGreaterThan(report.rewards.uniform);
  expect(report.rewards.learned).toBeLessThan(report.rewards.oracle);
  for (const { arms } of report.code_types) {
    const best = arms.find((arm: { best: boolean }) => arm.best);
    expect(best.share).toBeGreaterThan(1 / arms.length);
  }
  const decisions = report.sql_rows.reduce(
    (sum: number, row: { decisions: string }) => sum + Number(row.decisions),
    0,
  );
  expect(decisions).toBe(1200);
  expect(leftBehind).toEqual([]);
});

it("leaves nothing behind when it is interrupted", async () => {
  const { exitCode, stderr, leftBehind } = await demo(["--tasks", "100000"], {
    interruptAt: " tasks, ",
  });
  expect(exitCode).toBe(1);
  expect(stderr).toContain("interrupted by SIGINT");
  expect(leftBehind).toEqual([]);
});

it("refuses what it cannot read, and says how it is used", async () => {
  const { exitCode, stderr } = await demo(["--tasks", "many"]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain("--tasks must be a whole number from 100 to 1,000,000");
  expect(stderr).toContain("usage: npm run demo");
});
