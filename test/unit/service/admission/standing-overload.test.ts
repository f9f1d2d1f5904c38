import { describe, expect, it } from "vitest";
import {
  beginMeasurements,
  callsMin,
  endMeasurements,
  meanDelayHighMs,
  meanDelayLowMs,
  StandingOverload,
  shedShareHigh,
  shedShareLow,
  slowDecisionMs,
} from "../../../../src/service/admission/standing-overload.ts";

interface Window {
  calls: number;
  /** Of the calls. */
  shed: number;
  delayMs: number;
  decisionMs?: number;
}

/** Half a second of it. */
function pass(overload: StandingOverload, { calls, shed, delayMs, decisionMs = 5 }: Window): void {
  for (let call = 0; call < calls; call += 1) overload.called();
  for (let call = 0; call < shed; call += 1) overload.shed();
  for (let measurement = 0; measurement < beginMeasurements; measurement += 1) {
    overload.measure(delayMs, decisionMs);
  }
}

/** In half seconds, after which it is asked whether an overload is over. */
const long = endMeasurements / beginMeasurements;

function passLong(overload: StandingOverload, window: Window): void {
  for (let windows = 0; windows < long; windows += 1) pass(overload, window);
}

const overloaded: Window = { calls: 5_000, shed: 500, delayMs: 4 };

function openStanding(): StandingOverload {
  const overload = new StandingOverload();
  pass(overload, overloaded);
  return overload;
}

describe("an overload", () => {
  it("stands when calls were refused in a window in which the event loop was late", () => {
    const overload = new StandingOverload();
    expect(overload.isStanding).toBe(false);
    pass(overload, overloaded);
    expect(overload.isStanding).toBe(true);
  });

  it("begins exactly at the thresholds", () => {
    const calls = 10_000;
    const atThreshold = { calls, shed: calls * shedShareHigh, delayMs: meanDelayHighMs };
    const stands = (window: Window) => {
      const overload = new StandingOverload();
      pass(overload, window);
      return overload.isStanding;
    };
    expect(stands(atThreshold)).toBe(true);
    expect(stands({ ...atThreshold, shed: atThreshold.shed - 1 })).toBe(false);
    expect(stands({ ...atThreshold, delayMs: meanDelayHighMs - 0.01 })).toBe(false);
  });

  it.each([
    ["much traffic of which nothing is refused", { calls: 50_000, shed: 0, delayMs: 9 }],
    ["a store that is slow while this process idles", { calls: 500, shed: 400, delayMs: 0.2 }],
    ["a handful of calls", { calls: callsMin - 1, shed: callsMin - 1, delayMs: 50 }],
    ["a busy machine and no calls", { calls: 0, shed: 0, delayMs: 300 }],
  ])("is not %s (negative control)", (_, window) => {
    const overload = new StandingOverload();
    for (let windows = 0; windows < 60; windows += 1) {
      pass(overload, window);
      expect(overload.isStanding).toBe(false);
    }
  });

  it("is seen when its window closes, not before, and counts nothing twice", () => {
    const overload = new StandingOverload();
    for (let call = 0; call < 1_000; call += 1) overload.called();
    for (let call = 0; call < 100; call += 1) overload.shed();
    for (let measurement = 1; measurement < beginMeasurements; measurement += 1) {
      overload.measure(4, 5);
      expect(overload.isStanding).toBe(false);
    }
    overload.measure(4, 5);
    expect(overload.isStanding).toBe(true);
    // Had the refusals of the first half second been kept, there would be too many in these ten.
    passLong(overload, { calls: 100, shed: 0, delayMs: 4 });
    expect(overload.isStanding).toBe(false);
  });
});

describe("a standing overload", () => {
  const calm: Window = { calls: 5_000, shed: 0, delayMs: 2 };

  it("is over after ten calm seconds, and not before", () => {
    const overload = openStanding();
    for (let windows = 1; windows < long; windows += 1) {
      pass(overload, calm);
      expect(overload.isStanding).toBe(true);
    }
    pass(overload, calm);
    expect(overload.isStanding).toBe(false);
  });

  it("goes on while as many are refused, and may refuse more than would have begun it", () => {
    const atThreshold = { ...calm, shed: calm.calls * shedShareLow };
    const overload = openStanding();
    for (let tens = 0; tens < 30; tens += 1) {
      passLong(overload, atThreshold);
      expect(overload.isStanding).toBe(true);
    }
    const fits = { ...atThreshold, shed: atThreshold.shed - 1 };
    expect(fits.shed / fits.calls).toBeGreaterThan(shedShareHigh);
    passLong(overload, fits);
    expect(overload.isStanding).toBe(false);
  });

  it("ends by what was refused of all calls: a pause in which most of them were does not keep it", () => {
    const overload = openStanding();
    pass(overload, { ...calm, shed: 0.4 * calm.calls });
    for (let windows = 1; windows < long; windows += 1) pass(overload, calm);
    expect(overload.isStanding).toBe(false);
  });

  it("is judged anew every ten seconds, whatever was before", () => {
    const overload = openStanding();
    passLong(overload, overloaded);
    passLong(overload, overloaded);
    expect(overload.isStanding).toBe(true);
    passLong(overload, calm);
    expect(overload.isStanding).toBe(false);
  });

  it("is over when nobody calls any more", () => {
    const overload = openStanding();
    passLong(overload, { calls: 0, shed: 0, delayMs: 0 });
    expect(overload.isStanding).toBe(false);
  });

  it("is over when it is the store that is slow: strict bounds would refuse most of what it can do", () => {
    const slow: Window = {
      calls: 500,
      shed: 400,
      delayMs: meanDelayLowMs - 0.1,
      decisionMs: slowDecisionMs,
    };
    const overload = openStanding();
    passLong(overload, slow);
    expect(overload.isStanding).toBe(false);

    for (const busy of [
      { ...slow, delayMs: meanDelayLowMs },
      { ...slow, decisionMs: slowDecisionMs - 1 },
    ]) {
      const going = openStanding();
      for (let tens = 0; tens < 3; tens += 1) passLong(going, busy);
      expect(going.isStanding).toBe(true);
    }
  });

  it("can stand again", () => {
    const overload = openStanding();
    passLong(overload, calm);
    expect(overload.isStanding).toBe(false);
    pass(overload, overloaded);
    expect(overload.isStanding).toBe(true);
    pass(overload, calm);
    expect(overload.isStanding).toBe(true);
  });
});
