import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EmbeddedCatalogue } from "../../src/adapters/postgres/embedded-catalogue.ts";
import { actor, createAgentType, expectBanditError } from "../conformance/catalogue-fixture.ts";
import { clock, logger, migrationsDirectory } from "./catalogue-setup.ts";

let directory: string;

function open(): Promise<EmbeddedCatalogue> {
  return EmbeddedCatalogue.open({ directory, migrationsDirectory, logger, clock });
}

/** Runs the child until it has acknowledged so many writes, then kills it. @returns the last revision it acknowledged */
async function writeAndKill(acknowledgements: number): Promise<number> {
  const program = fileURLToPath(new URL("catalogue-crash-child.ts", import.meta.url));
  const child = spawn(process.execPath, [program, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  await new Promise<void>((resolve, reject) => {
    child.on("exit", (code) => reject(new Error(`the child ended by itself with ${code}`)));
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.split("\n").length > acknowledgements) resolve();
    });
  });
  await kill(child);
  return Number(output.trim().split("\n").at(-1));
}

async function kill(child: ChildProcess): Promise<void> {
  child.removeAllListeners("exit");
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

describe("EmbeddedCatalogue", () => {
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "banditd-catalogue-"));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  test("has every acknowledged write after SIGKILL, twice in a row", async () => {
    for (const acknowledgements of [1, 20]) {
      const acknowledged = await writeAndKill(acknowledgements);
      const catalogue = await open();
      const { revision, serviceMode } = await catalogue.load();
      await catalogue.close();
      expect(serviceMode).toBe("frozen");
      expect(revision).toBeGreaterThanOrEqual(acknowledged);
      expect(revision).toBeLessThanOrEqual(acknowledged + 2); // what was under way may have been done too
    }
  });

  test("starts anew, keeping the remains, when its creation was cut off", async () => {
    const remains = join(directory, "pgdata");
    await mkdir(remains);
    await writeFile(join(remains, "PG_VERSION"), "18\n");
    const catalogue = await open();
    await catalogue.migrator.migrate();
    expect((await catalogue.load()).revision).toBe(0);
    await catalogue.close();
  });

  test("refuses a directory that is open already, here or in another process", async () => {
    const catalogue = await open();
    const error = await expectBanditError(open(), "failed_precondition");
    expect(error.reason).toBe("CATALOGUE_IN_USE");
    await catalogue.close();
    await writeFile(join(directory, "lock"), String(process.ppid));
    await expectBanditError(open(), "failed_precondition");
    const processIdMax = 2 ** 22; // no such process
    await writeFile(join(directory, "lock"), String(processIdMax + 1));
    await (await open()).close();
  });

  test("never holds up the calling thread for more than 20 ms while it works", async () => {
    const catalogue = await open();
    await catalogue.migrator.migrate();
    await catalogue.load();
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const startedMs = performance.now();
    await createAgentType(catalogue, ...Array.from({ length: 50 }, (_, index) => `v${index}`));
    for (let round = 0; round < 10; round += 1) await catalogue.load();
    const workMs = performance.now() - startedMs;
    delay.disable();
    await catalogue.close();
    expect(workMs).toBeGreaterThan(50); // else it proves nothing
    expect(delay.max / 1e6).toBeLessThan(20);
  });

  test("is unavailable when a statement takes too long, and works again with the next call", async () => {
    const catalogue = await EmbeddedCatalogue.open({
      directory,
      migrationsDirectory,
      logger,
      clock,
      statementTimeoutMs: 1,
    });
    await catalogue.migrator.migrate(); // has a limit of its own
    const calls = Array.from({ length: 5 }, () =>
      createAgentType(catalogue, ...Array.from({ length: 100 }, (_, index) => `v${index}`)),
    );
    const results = await Promise.allSettled(calls);
    const failed = results.find((result) => result.status === "rejected");
    await expectBanditError(Promise.reject(failed?.reason), "unavailable");
    await catalogue.close();
    const again = await open();
    await again.setMode({ mode: "static", reason: "" }, actor);
    expect((await again.load()).serviceMode).toBe("static");
    await again.close();
  });
});
