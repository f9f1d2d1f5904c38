import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Telemetry } from "../../../src/ports/telemetry.ts";
import { RequestGate } from "../../../src/rpc/request-gate.ts";
import { Admission } from "../../../src/service/admission/admission.ts";

const telemetry: Telemetry = {
  count: () => undefined,
  observeMs: () => undefined,
  gauge: () => undefined,
};

/** Notes for how long each call may have waited to be read, as the gate told it. */
class WatchedAdmission extends Admission {
  readonly waitsMs: number[] = [];

  override announce(...args: Parameters<Admission["announce"]>): number | undefined {
    this.waitsMs.push(args[1]);
    return super.announce(...args);
  }
}

let admission: WatchedAdmission;
let gate: RequestGate;
beforeEach(() => {
  admission = new WatchedAdmission({
    requestsMax: 100,
    entropy: { fill: (target) => target.fill(0) },
    telemetry,
  });
  gate = new RequestGate({
    admission,
    clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now() },
    telemetry,
  });
});
afterEach(() => gate.stop());

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

function block(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

/** @returns for how long a call that is read now may have waited, milliseconds */
function readCall(): number {
  expect(gate.refusal("select")).toBeUndefined();
  return admission.waitsMs.at(-1) as number;
}

it("tells for how long a call may have waited: the work of the loop since it last read calls", async () => {
  readCall();
  block(60);
  // Of the same turn: it may have waited for those before it.
  expect(readCall()).toBeGreaterThanOrEqual(60);
  await nextTurn();
  block(40);
  await nextTurn();
  const waitedMs = readCall();
  expect(waitedMs).toBeGreaterThanOrEqual(100);
});

it("takes off what the loop idled", async () => {
  readCall();
  await nextTurn();
  const beganMs = performance.now();
  await sleep(60);
  const waitedMs = readCall();
  expect(performance.now() - beganMs - waitedMs).toBeGreaterThan(40);
});

it("counts turns in which nobody calls as well: their work has delayed nobody who came after them", async () => {
  const busyMs = 30;
  const turns = 10;
  const waitAfterBusyTurns = async () => {
    readCall();
    await nextTurn();
    const beganMs = performance.now();
    for (let turn = 0; turn < turns; turn += 1) {
      block(busyMs);
      await nextTurn();
      await nextTurn();
    }
    return readCall() / (performance.now() - beganMs);
  };
  // Negative control: a gate that does not watch the loop takes it all for one turn.
  expect(await waitAfterBusyTurns()).toBeGreaterThan(0.9);
  gate.start();
  expect(await waitAfterBusyTurns()).toBeLessThan(0.6);
});

it("holds the room of announced calls for their turn of the loop only", async () => {
  for (let call = 0; call < 100; call += 1) readCall();
  expect(gate.refusal("select")).toMatchObject({ reason: "OVERLOADED" });
  await nextTurn();
  expect(gate.refusal("select")).toBeUndefined();
});
