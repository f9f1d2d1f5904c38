import { describe, expect, it } from "vitest";
import {
  callsMin,
  calmWindows,
  meanDelayHighMs,
  meanDelayLowMs,
  StandingOverload,
  shedShareHigh,
  shedShareLow,
  slowDecisionMs,
  windowMeasurements,
} from "../../../../src/service/admission/standing-overload.ts";

interface Window {
  calls: number;
  /** Of the calls. */
  shed: number;
  delayMs: number;
  decisionMs?: number;
}

function pass(overload: StandingOverload, { calls, shed, delayMs, decisionMs = 5 }: Window): void {
  for (let call = 0; call < calls; call += 1) overload.called();
  for (let call = 0; call < shed; call += 1) overload.shed();
  for (let measurement = 0; measurement < windowMeasurements; measurement += 1) {
    overload.measure(delayMs, decisionMs);
  }
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
    for (let measurement = 1; measurement < windowMeasurements; measurement += 1) {
      overload.measure(4, 5);
      expect(overload.isStanding).toBe(false);
    }
    overload.measure(4, 5);
    expect(overload.isStanding).toBe(true);
    // Had the refusals of the first window been kept, these would not be calm.
    for (let windows = 0; windows < calmWindows; windows += 1) {
      pass(overload, { calls: 1_000, shed: 0, delayMs: 4 });
    }
    expect(overload.isStanding).toBe(false);
  });
});

describe("a standing overload", () => {
  const calm: Window = { calls: 5_000, shed: 0, delayMs: 2 };

  it("is over after calm windows in a row, and not after fewer", () => {
    const overload = openStanding();
    for (let windows = 1; windows < calmWindows; windows += 1) {
      pass(overload, calm);
      expect(overload.isStanding).toBe(true);
    }
    pass(overload, calm);
    expect(overload.isStanding).toBe(false);
  });

  it("goes on when a window between them was not calm", () => {
    const overload = openStanding();
    const notCalm = { ...overloaded, shed: overloaded.calls * shedShareLow };
    for (let windows = 0; windows < 3 * calmWindows; windows += 1) {
      pass(overload, windows % calmWindows === calmWindows - 1 ? notCalm : calm);
      expect(overload.isStanding).toBe(true);
    }
  });

  it("may refuse what would have begun it: of a load that just fits, strict bounds refuse some", () => {
    const fits = { ...overloaded, shed: overloaded.calls * shedShareLow - 1 };
    expect(fits.shed / fits.calls).toBeGreaterThan(shedShareHigh);
    const overload = openStanding();
    for (let windows = 0; windows < calmWindows; windows += 1) pass(overload, fits);
    expect(overload.isStanding).toBe(false);
  });

  it("is over when nobody calls any more", () => {
    const overload = openStanding();
    for (let windows = 0; windows < calmWindows; windows += 1) {
      pass(overload, { calls: 0, shed: 0, delayMs: 0 });
    }
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
    for (let windows = 0; windows < calmWindows; windows += 1) pass(overload, slow);
    expect(overload.isStanding).toBe(false);

    for (const busy of [
      { ...slow, delayMs: meanDelayLowMs },
      { ...slow, decisionMs: slowDecisionMs - 1 },
    ]) {
      const going = openStanding();
      for (let windows = 0; windows < 2 * calmWindows; windows += 1) pass(going, busy);
      expect(going.isStanding).toBe(true);
    }
  });

  it("can stand again", () => {
    const overload = openStanding();
    for (let windows = 0; windows < calmWindows; windows += 1) pass(overload, calm);
    expect(overload.isStanding).toBe(false);
    pass(overload, overloaded);
    expect(overload.isStanding).toBe(true);
    pass(overload, calm);
    expect(overload.isStanding).toBe(true);
  });
});
