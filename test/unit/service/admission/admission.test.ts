import { describe, expect, it } from "vitest";
import { readConfig } from "../../../../src/app/config.ts";
import type { Telemetry } from "../../../../src/ports/telemetry.ts";
import {
  Admission,
  classShares,
  type RequestClass,
  retryAfterMsMax,
  retryAfterMsMin,
  shortQueueMax,
  standingAfterMs,
  standingRequestsMax,
} from "../../../../src/service/admission/admission.ts";
import { silentTelemetry } from "../../../support/state-samples.ts";

const classes: readonly RequestClass[] = ["select", "report", "control"];

function openAdmission(requestsMax = readConfig({}, {}).requestsMax) {
  const shed: Record<string, number> = {};
  const telemetry: Telemetry = {
    ...silentTelemetry,
    count: (name, labels = {}, amount = 1) => {
      const key = `${name} ${labels["class"]}`;
      shed[key] = (shed[key] ?? 0) + amount;
    },
  };
  let next = 0;
  const entropy = {
    fill: (target: Uint8Array) => {
      for (let index = 0; index < target.length; index += 1) target[index] = next++ % 256;
    },
  };
  return { admission: new Admission({ requestsMax, entropy, telemetry }), shed };
}

function enterMany(admission: Admission, requestClass: RequestClass, calls: number): number {
  let entered = 0;
  for (let call = 0; call < calls; call += 1) {
    if (admission.enter(requestClass) === undefined) entered += 1;
  }
  return entered;
}

describe("the bound on calls under way", () => {
  it("is reached by control calls first, then by reports, and by decisions last", () => {
    for (const requestsMax of [10, 100, 1_000]) {
      const { admission, shed } = openAdmission(requestsMax);
      const room = (requestClass: keyof typeof classShares) =>
        Math.floor(classShares[requestClass] * requestsMax);
      expect(enterMany(admission, "control", 2 * requestsMax)).toBe(room("control"));
      expect(enterMany(admission, "report", 2 * requestsMax)).toBe(
        room("report") - room("control"),
      );
      expect(enterMany(admission, "select", 2 * requestsMax)).toBe(requestsMax - room("report"));
      for (const requestClass of classes) expect(admission.enter(requestClass)).toBeDefined();
      expect(shed["bandit_requests_shed_total control"]).toBe(
        2 * requestsMax - room("control") + 1,
      );
    }
  });

  it.each(classes)("has room for 256 patient callers of %s, also while a queue stands", (kind) => {
    const { admission } = openAdmission();
    admission.endTurn(1, 0);
    for (let round = 0; round < 3; round += 1) {
      for (let call = 0; call < 256; call += 1) expect(admission.announce(kind)).toBeUndefined();
      expect(enterMany(admission, kind, 256)).toBe(256);
      for (let call = 0; call < 256; call += 1) admission.leave(kind);
      admission.endTurn(1, 10 * standingAfterMs);
    }
    // Negative control: there is a bound, and it holds for calls of which only the headers have come.
    for (let call = 0; call < standingRequestsMax; call += 1) admission.announce(kind);
    expect(admission.announce(kind)).toBeDefined();
    admission.endTurn(1, 10 * standingAfterMs);
    expect(admission.announce(kind)).toBeUndefined();
  });

  it("is smaller while a queue stands: when it has not been short for a while", () => {
    const { admission } = openAdmission(1_000);
    const room = () => {
      const entered = enterMany(admission, "select", 2_000);
      for (let call = 0; call < entered; call += 1) admission.leave("select");
      return entered;
    };
    expect(room()).toBe(1_000);
    admission.endTurn(5, 1_000);
    // What piled up in a pause, and the time until it is answered, are no standing queue.
    admission.endTurn(5, 1_000 + standingAfterMs - 1);
    expect(room()).toBe(1_000);
    admission.endTurn(5, 1_000 + standingAfterMs);
    expect(room()).toBe(standingRequestsMax);
    admission.endTurn(5.01, 2_000);
    expect(room()).toBe(standingRequestsMax);
    // An idle loop in front of a store that many calls wait for is no short queue.
    expect(enterMany(admission, "select", shortQueueMax)).toBe(shortQueueMax);
    admission.endTurn(6, 2_100);
    expect(room()).toBe(standingRequestsMax - shortQueueMax);
    admission.leave("select");
    admission.endTurn(7, 2_200);
    expect(room()).toBe(1_000 - shortQueueMax + 1);
    // A bound that is smaller anyway stays.
    const { admission: small } = openAdmission(10);
    small.endTurn(1, 0);
    small.endTurn(1, 10_000);
    expect(enterMany(small, "select", 100)).toBe(10);
  });

  it("is never reached by the kill switch, which takes no room from the others either", () => {
    const { admission, shed } = openAdmission(10);
    expect(enterMany(admission, "switch", 100)).toBe(100);
    expect(enterMany(admission, "select", 100)).toBe(10);
    expect(admission.announce("switch")).toBeUndefined();
    expect(enterMany(admission, "switch", 100)).toBe(100);
    expect(Object.keys(shed)).toEqual(["bandit_requests_shed_total select"]);
  });

  it("refuses no decision while a report or a control call would be let in (20,000 events in any order)", () => {
    const { admission } = openAdmission(40);
    const open: RequestClass[] = [];
    let seed = 7;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    let shedSelects = 0;
    for (let event = 0; event < 20_000; event += 1) {
      if (random(100) < 25 && open.length > 0) {
        const [ended] = open.splice(random(open.length), 1);
        admission.leave(ended as RequestClass);
        continue;
      }
      const requestClass = classes[random(3)] as RequestClass;
      const before = admission.inFlight;
      if (admission.enter(requestClass) === undefined) {
        open.push(requestClass);
        expect(admission.inFlight).toBe(before + 1);
      } else {
        expect(admission.inFlight).toBe(before);
        if (requestClass !== "select") continue;
        shedSelects += 1;
        expect(admission.enter("report")).toBeDefined();
        expect(admission.enter("control")).toBeDefined();
      }
    }
    expect(shedSelects).toBeGreaterThan(100);
  });
});

it("refused calls are told to come back after delays that differ", () => {
  const { admission } = openAdmission(1);
  admission.enter("select");
  const delays = Array.from({ length: 256 }, () => admission.enter("select") as number);
  expect(Math.min(...delays)).toBe(retryAfterMsMin);
  expect(Math.max(...delays)).toBe(retryAfterMsMax);
  expect(new Set(delays).size).toBe(32);
});
