import { expect, it } from "vitest";
import { RequestGate } from "../../../src/rpc/request-gate.ts";
import { Admission } from "../../../src/service/admission/admission.ts";
import { RateLimiter } from "../../../src/service/admission/rate-limiter.ts";
import { silentTelemetry } from "../../support/state-samples.ts";

const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

function openGate(requestsMax: number, limiter?: RateLimiter) {
  const lines: { message: string; fields: unknown }[] = [];
  const log = (message: string, fields: unknown) => void lines.push({ message, fields });
  const entropy = { fill: (target: Uint8Array) => void target.fill(0) };
  const admission = new Admission({ requestsMax, entropy, telemetry: silentTelemetry });
  const gate = new RequestGate({
    ...{ admission, clock, telemetry: silentTelemetry },
    logger: { debug: log, info: log, warn: log, error: log },
    ...(limiter === undefined ? {} : { limiter }),
  });
  return { gate, lines, admission };
}

const context = { actor: "", peer: "", caller: undefined } as never;
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

it("holds the room of announced calls for their turn of the loop only", async () => {
  const { gate } = openGate(100);
  for (let call = 0; call < 100; call += 1) expect(gate.refusal("select")).toBeUndefined();
  expect(gate.refusal("select")).toMatchObject({ reason: "OVERLOADED" });
  await nextTurn();
  expect(gate.refusal("select")).toBeUndefined();
});

it("a call that finds no room costs its caller nothing of its rate; one beyond the rate takes no room", () => {
  const limiter = new RateLimiter({ ratePerSecond: 1e-6, burst: 2, clock });
  const { gate, admission } = openGate(1, limiter);
  const begin = () => gate.begin("select", 1, context);
  begin();
  for (let call = 0; call < 5; call += 1) {
    expect(begin).toThrow(expect.objectContaining({ reason: "OVERLOADED" }));
  }
  gate.end("select");
  begin();
  gate.end("select");
  expect(begin).toThrow(expect.objectContaining({ reason: "RATE_LIMITED" }));
  expect(admission.inFlight).toBe(0);
});

it("logs refused calls with their reason and number, a line for each reason a second, the last ones at the stop", async () => {
  const { gate, lines } = openGate(1);
  gate.begin("select", 1, context);
  const refuse = (calls: number, rpc: string) => {
    for (let call = 0; call < calls; call += 1) {
      const error = gate.refusal("select");
      if (error !== undefined) gate.refusals.add(error, rpc);
    }
  };
  gate.start();
  refuse(7_000, "SelectVariant");
  refuse(5, "RecordOutcome");
  expect(lines).toEqual([]);
  await expect.poll(() => lines.length, { timeout: 5_000 }).toBe(1);
  refuse(3, "SelectVariant");
  expect(lines).toHaveLength(1);
  gate.stop();
  expect(lines).toMatchObject([
    {
      message: "calls were refused",
      fields: { reason: "OVERLOADED", count: 7_005, rpcs: ["SelectVariant", "RecordOutcome"] },
    },
    { fields: { reason: "OVERLOADED", count: 3 } },
  ]);
  gate.stop();
  expect(lines).toHaveLength(2);
});
