import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Child, startChild } from "../../../bench/child-process.ts";
import type { LoadPhase, LoadResult } from "../../../bench/load-protocol.ts";
import { type ServiceUnderTest, startService } from "../../../bench/service-under-test.ts";
import { banditd } from "../cli/cli-process.ts";

/** Callers that wait for their answers before they call again: the service has room for so many at any time. */
const callersMax = 256;

let service: ServiceUnderTest;
let generator: Child;
beforeAll(async () => {
  [service, generator] = await Promise.all([
    startService("embedded", []),
    startChild("load-generator.ts"),
  ]);
});
afterAll(async () => {
  await generator.stop();
  await service[Symbol.asyncDispose]();
});

async function load(phase: object): Promise<LoadResult> {
  const common = { address: service.grpcAddress, connections: 4, seed: 1 };
  const whole = { ...common, ...phase } as LoadPhase;
  const { result } = await generator.ask(whole, whole.durationMs + 60_000);
  return result as LoadResult;
}

const closedLoop = (callers: number, seconds: number) =>
  load({
    kind: "generations",
    connections: Math.min(callers, 4),
    inFlightPerConnection: Math.ceil(callers / 4),
    durationMs: 1_000 * seconds,
  });

it.each([1, 4, 32, callersMax])("%i patient callers are never refused", async (callers) => {
  const { failures, generationsInTime } = await closedLoop(callers, 2);
  expect(failures).toEqual([]);
  expect(generationsInTime).toBeGreaterThan(0);
});

it("nor are 256 while the process is stopped for a second, again and again", async () => {
  const loading = closedLoop(callersMax, 6);
  for (let stop = 0; stop < 3; stop += 1) {
    await sleep(700);
    process.kill(service.pid, "SIGSTOP");
    await sleep(1_000);
    process.kill(service.pid, "SIGCONT");
  }
  const { failures, latenciesMs } = await loading;
  expect(failures).toEqual([]);
  // Negative control: the stops were felt.
  expect(Math.max(...latenciesMs.SelectVariant)).toBeGreaterThan(900);
});

it("nor while something else burns both cores", async () => {
  const burners: ChildProcess[] = [0, 1].map(() =>
    spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore", timeout: 60_000 }),
  );
  try {
    expect((await closedLoop(callersMax, 4)).failures).toEqual([]);
  } finally {
    for (const burner of burners) {
      burner.kill("SIGKILL");
      await once(burner, "exit");
    }
  }
});

it("the kill switch works at the first try while more is asked for than can be done", async () => {
  const overload = load({ kind: "arrivals", generationsPerSecond: 6_000, durationMs: 10_000 });
  await sleep(1_000);
  for (const mode of ["static", "learning", "static"]) {
    const args = ["mode", mode, "--address", service.grpcAddress];
    const { exitCode, stdout, stderr } = await banditd(args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toContain(`service: ${mode}`);
  }
  const { failures } = await overload;
  // Negative control: calls were refused meanwhile, and nothing else went wrong with them.
  expect(new Set(failures.map(({ status }) => status))).toEqual(new Set([8]));
});
