import { describe, expect, it } from "vitest";
import {
  beginMeasurements,
  callsMin,
  endMeasurements,
  meanDelayHighMs,
  StandingOverload,
  shedShareHigh,
  shedShareLow,
  utilizationLow,
} from "../../../../src/service/admission/standing-overload.ts";

interface Window {
  calls: number;
  /** Of the calls. */
  shed: number;
  delayMs: number;
  /** Of the event loop, 0 to 1. */
  utilization?: number;
}

/** An overload whose event loop works as much as the test says. */
class TestedOverload extends StandingOverload {
  readonly times: { active: number; idle: number };

  constructor() {
    const times = { active: 7_000, idle: 90 };
    super(() => ({ ...times }));
    this.times = times;
  }
}

/** Half a second of it. */
function pass(overload: TestedOverload, { calls, shed, delayMs, utilization = 1 }: Window): void {
  for (let call = 0; call < calls; call += 1) overload.called();
  for (let call = 0; call < shed; call += 1) overload.shed();
  overload.times.active += 500 * utilization;
  overload.times.idle += 500 * (1 - utilization);
  for (let measurement = 0; measurement < beginMeasurements; measurement += 1) {
    overload.measure(delayMs);
  }
}

/** In half seconds, after which it is asked whether an overload is over. */
const long = endMeasurements / beginMeasurements;

function passLong(overload: TestedOverload, window: Window): void {
  for (let windows = 0; windows < long; windows += 1) pass(overload, window);
}

const overloaded: Window = { calls: 5_000, shed: 500, delayMs: 4 };

function openStanding(): TestedOverload {
  const overload = new TestedOverload();
  pass(overload, overloaded);
  return overload;
}

describe("an overload", () => {
  it("stands when calls were refused in a window in which the event loop was late", () => {
    const overload = new TestedOverload();
    expect(overload.isStanding).toBe(false);
    pass(overload, overloaded);
    expect(overload.isStanding).toBe(true);
  });

  it("begins exactly at the thresholds", () => {
    const calls = 10_000;
    const atThreshold = { calls, shed: calls * shedShareHigh, delayMs: meanDelayHighMs };
    const stands = (window: Window) => {
      const overload = new TestedOverload();
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
    const overload = new TestedOverload();
    for (let windows = 0; windows < 60; windows += 1) {
      pass(overload, window);
      expect(overload.isStanding).toBe(false);
    }
  });

  it("is seen when its window closes, not before, and counts nothing twice", () => {
    const overload = new TestedOverload();
    for (let call = 0; call < 1_000; call += 1) overload.called();
    for (let call = 0; call < 100; call += 1) overload.shed();
    for (let measurement = 1; measurement < beginMeasurements; measurement += 1) {
      overload.measure(4);
      expect(overload.isStanding).toBe(false);
    }
    overload.measure(4);
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

  it("is over at once when the event loop idles: strict bounds would refuse what it could do", () => {
    const idle: Window = { calls: 500, shed: 400, delayMs: 4, utilization: utilizationLow - 0.01 };
    const overload = openStanding();
    pass(overload, overloaded);
    pass(overload, idle);
    expect(overload.isStanding).toBe(false);
    // Nor does it begin, however late timers are.
    pass(overload, idle);
    expect(overload.isStanding).toBe(false);

    const busy = openStanding();
    for (let windows = 0; windows < 3 * long; windows += 1) {
      pass(busy, { ...idle, utilization: utilizationLow });
      expect(busy.isStanding).toBe(true);
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
