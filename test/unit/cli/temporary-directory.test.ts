import { existsSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { processTerminal } from "../../../src/cli/process-terminal.ts";
import { withTemporaryDirectory } from "../../../src/cli/temporary-directory.ts";

const writing = `
  const { workerData: directory } = require("node:worker_threads");
  const { mkdirSync, writeFileSync } = require("node:fs");
  mkdirSync(directory + "/x");
  require("node:worker_threads").parentPort.postMessage("ready");
  const endMs = Date.now() + 500;
  for (let file = 0; Date.now() < endMs; file += 1) {
    try { writeFileSync(directory + "/x/" + file, ""); } catch {}
  }`;

it("a directory goes, and the result stays, while something still writes there for half a second", async () => {
  const terminal = {
    ...processTerminal(),
    waitForStop: () => new Promise<string>(() => undefined),
  };
  const directory = await withTemporaryDirectory(terminal, async (path) => {
    const writer = new Worker(writing, { eval: true, workerData: path });
    await new Promise((resolve) => writer.once("message", resolve));
    await setTimeout(150);
    return path;
  });
  expect(existsSync(directory)).toBe(false);
});
