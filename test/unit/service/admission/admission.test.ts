import { describe, expect, it } from "vitest";
import type { Telemetry } from "../../../../src/ports/telemetry.ts";
import {
  Admission,
  calledToShrink,
  classShares,
  type RequestClass,
  requestClasses,
  retryAfterMsMax,
  retryAfterMsMin,
} from "../../../../src/service/admission/admission.ts";
import { burstBounds, standingBounds } from "../../../../src/service/admission/queue-bounds.ts";
import {
  beginMeasurements,
  endMeasurements,
} from "../../../../src/service/admission/standing-overload.ts";

const { delayHighMs, delayLowMs, durationHighMs, durationLowMs, limitMin } = burstBounds;
const manyCalls = calledToShrink(burstBounds);

function openAdmission(requestsMax = 100) {
  const shed: Record<string, number> = {};
  const gauges = new Map<string, number>();
  const telemetry: Telemetry = {
    count: (name, labels = {}, amount = 1) => {
      const key = `${name} ${labels["class"]} ${labels["reason"]}`;
      shed[key] = (shed[key] ?? 0) + amount;
    },
    observeMs: () => undefined,
    gauge: (name, value) => {
      gauges.set(name, value);
    },
  };
  let next = 0;
  const entropy = {
    fill: (target: Uint8Array) => {
      for (let index = 0; index < target.length; index += 1) target[index] = next++ % 256;
    },
  };
  const loop = { active: 0, idle: 0 };
  const admission = new Admission({
    requestsMax,
    entropy,
    telemetry,
    readLoop: () => ({ ...loop }),
  });
  const isStanding = () => {
    admission.publish();
    return gauges.get("bandit_overload_standing") === 1;
  };
  return { admission, shed, isStanding, loop };
}

function enterMany(admission: Admission, requestClass: RequestClass, calls: number): number {
  let entered = 0;
  for (let call = 0; call < calls; call += 1) {
    if (admission.enter(requestClass, 1).retryAfterMs === undefined) entered += 1;
  }
  return entered;
}

describe("who is refused", () => {
  it("is control first, then reports, and selects last", () => {
    for (const requestsMax of [10, 100, 1_000]) {
      const { admission } = openAdmission(requestsMax);
      expect(enterMany(admission, "control", 2 * requestsMax)).toBe(0.5 * requestsMax);
      expect(enterMany(admission, "report", 2 * requestsMax)).toBe(
        Math.floor(0.75 * requestsMax) - 0.5 * requestsMax,
      );
      expect(enterMany(admission, "select", 2 * requestsMax)).toBe(
        requestsMax - Math.floor(0.75 * requestsMax),
      );
      for (const requestClass of requestClasses) {
        expect(admission.enter(requestClass, 1).retryAfterMs).toBeDefined();
      }
    }
  });

  it("is never a select while a report or a control call would be let in (any order of 20,000 events)", () => {
    const { admission } = openAdmission(40);
    const open: { requestClass: RequestClass; counted: number }[] = [];
    let seed = 7;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    let shedSelects = 0;
    let lateSelects = 0;
    for (let event = 0; event < 20_000; event += 1) {
      if (random(100) < 3) admission.observeDelay(random(20));
      if (random(100) < 25 && open.length > 0) {
        const [ended] = open.splice(random(open.length), 1);
        if (ended !== undefined) admission.leave(ended.requestClass, ended.counted, 1);
        continue;
      }
      const requestClass = random(2) === 0 ? "select" : (requestClasses[random(3)] as RequestClass);
      const before = admission.inFlight;
      const waitedMs = random(15);
      if (admission.announce("select", waitedMs) !== undefined) {
        if (before < admission.limit) lateSelects += 1;
        expect(admission.announce("report", waitedMs)).toBeDefined();
        expect(admission.announce("control", waitedMs)).toBeDefined();
      }
      admission.forgetAnnounced();
      const { counted, retryAfterMs } = admission.enter(requestClass, 1);
      if (retryAfterMs === undefined) {
        open.push({ requestClass, counted });
        expect(admission.inFlight).toBe(before + 1);
      } else {
        expect(admission.inFlight).toBe(before);
        if (requestClass !== "select") continue;
        shedSelects += 1;
        expect(admission.enter("report", 1).retryAfterMs).toBeDefined();
        expect(admission.enter("control", 1).retryAfterMs).toBeDefined();
      }
    }
    expect(shedSelects).toBeGreaterThan(100);
    expect(lateSelects).toBeGreaterThan(100);
  });

  it("would be selects as well if the classes had the same share (negative control)", () => {
    const { admission } = openAdmission(100);
    // What the shares are for: with reports allowed up to the whole limit nothing is left for selects.
    const share = classShares.report;
    Object.assign(classShares, { report: 1 });
    try {
      expect(enterMany(admission, "report", 200)).toBe(100);
      expect(enterMany(admission, "select", 1)).toBe(0);
    } finally {
      Object.assign(classShares, { report: share });
    }
    const sound = openAdmission(100).admission;
    enterMany(sound, "report", 200);
    expect(enterMany(sound, "select", 1)).toBe(1);
  });

  it("finds room again as soon as calls end, and counts what it refused", () => {
    const { admission, shed } = openAdmission(10);
    expect(enterMany(admission, "select", 12)).toBe(10);
    expect(shed).toEqual({ "bandit_requests_shed_total select in_flight": 2 });
    admission.leave("select", 1, 1);
    expect(enterMany(admission, "select", 2)).toBe(1);
  });
});

/** Room for all calls under way of before, and a call for each place that the limit has. */
function fill(admission: Admission): void {
  enterMany(admission, "select", admission.limit - admission.inFlight);
}

/** As after every call has been answered. */
function empty(admission: Admission): void {
  admission.leave("select", admission.inFlight, 1);
}

/** Measurements of a quiet process. */
function passTime(admission: Admission, samples: number): void {
  for (let sample = 0; sample < samples; sample += 1) admission.observeDelay(0);
}

describe("a batch", () => {
  it("counts by its items and is refused as a whole", () => {
    const { admission } = openAdmission(100);
    expect(admission.enter("select", 40)).toEqual({ counted: 40, retryAfterMs: undefined });
    expect(admission.enter("select", 40)).toEqual({ counted: 40, retryAfterMs: undefined });
    expect(admission.enter("select", 40).retryAfterMs).toBeDefined();
    expect(admission.inFlight).toBe(80);
    expect(enterMany(admission, "select", 40)).toBe(20);
  });

  it("that is larger than the limit gets through beside a little traffic, but not beside another one", () => {
    const { admission } = openAdmission(100);
    expect(enterMany(admission, "select", 5)).toBe(5);
    const first = admission.enter("report", 1_000);
    expect(first).toEqual({ counted: 37, retryAfterMs: undefined });
    expect(admission.enter("report", 1_000).retryAfterMs).toBeDefined();
    admission.leave("report", first.counted, 1);
    expect(admission.enter("report", 1_000).retryAfterMs).toBeUndefined();
  });

  it("is let in when nothing is under way, however small the limit", () => {
    const { admission } = openAdmission(1);
    expect(admission.enter("control", 1_000)).toEqual({ counted: 1, retryAfterMs: undefined });
    expect(admission.enter("select", 1).retryAfterMs).toBeDefined();
  });
});

describe("a late event loop", () => {
  it("shrinks the limit step by step down to a floor, and lets a used one grow again little by little", () => {
    const { admission, shed } = openAdmission(1_000);
    enterMany(admission, "select", limitMin);
    admission.observeDelay(delayHighMs + 1);
    expect(admission.limit).toBe(800);
    for (let tick = 0; tick < 50; tick += 1) admission.observeDelay(delayHighMs + 1);
    expect(admission.limit).toBe(limitMin);
    enterMany(admission, "select", 3);
    expect(shed).toEqual({ "bandit_requests_shed_total select delay": 3 });
    passTime(admission, 1);
    expect(admission.limit).toBe(limitMin + 1);
    for (let tick = 0; tick < 20; tick += 1) {
      fill(admission);
      passTime(admission, 1);
    }
    expect(admission.limit).toBeGreaterThan(limitMin + 20);
    expect(admission.limit).toBeLessThan(2 * limitMin);
  });

  it("is forgotten after a quiet second, whether or not somebody calls", () => {
    for (const calls of [0, 5, 20]) {
      const { admission } = openAdmission(1_000);
      fill(admission);
      for (let tick = 0; tick < 50; tick += 1) admission.observeDelay(50);
      empty(admission);
      expect(admission.limit).toBe(limitMin);
      for (let tick = 0; tick < 100; tick += 1) {
        enterMany(admission, "select", calls);
        passTime(admission, 1);
        empty(admission);
      }
      expect(admission.limit).toBe(1_000);
    }
  });

  it("leaves the limit alone while too few calls come to be the reason, so that a burst is let in", () => {
    for (const calls of [0, 1, manyCalls - 1]) {
      const { admission, shed } = openAdmission(800);
      for (let minute = 0; minute < 60; minute += 1) {
        enterMany(admission, "select", calls);
        admission.observeDelay(30);
        empty(admission);
      }
      expect(admission.limit).toBe(800);
      expect(enterMany(admission, "select", 300)).toBe(300);
      expect(shed).toEqual({});
    }
  });

  it("shrinks it when as many calls came, also if they were only announced (negative control)", () => {
    const { admission } = openAdmission(800);
    for (let call = 0; call < manyCalls; call += 1) admission.announce("select", 0);
    admission.observeDelay(30);
    expect(admission.limit).toBe(640);
  });

  it("keeps the limit low as long as there is more to do than can be done", () => {
    const { admission } = openAdmission(1_000);
    let worstMs = 0;
    let selects = 0;
    let reports = 0;
    for (let turn = 0; turn < 5_000; turn += 1) {
      // Each turn 400 calls come that take a fifth of a millisecond each.
      const reportsIn = enterMany(admission, "report", 200);
      const selectsIn = enterMany(admission, "select", 200);
      const busyMs = 0.2 * (reportsIn + selectsIn);
      admission.leave("report", reportsIn, busyMs);
      admission.leave("select", selectsIn, busyMs);
      admission.observeDelay(busyMs);
      if (turn < 50) continue;
      worstMs = Math.max(worstMs, busyMs);
      selects += selectsIn;
      reports += reportsIn;
    }
    expect(worstMs).toBeLessThan(20);
    expect(selects).toBeGreaterThan(0);
    expect(selects + reports).toBeGreaterThan(5_000 * manyCalls);
    expect(admission.limit).toBeLessThan(2 * limitMin);
  });

  it("leaves the limit alone between the two thresholds (hysteresis)", () => {
    const { admission } = openAdmission(100);
    fill(admission);
    admission.observeDelay(delayHighMs + 1);
    const limit = admission.limit;
    expect(limit).toBe(80);
    for (let tick = 0; tick < 100; tick += 1) {
      admission.observeDelay((delayLowMs + delayHighMs) / 2);
      admission.observeDelay(delayHighMs);
      admission.observeDelay(delayLowMs);
    }
    expect(admission.limit).toBe(limit);
  });

  it("refuses in the same order: control, reports, selects", () => {
    const { admission } = openAdmission(1_000);
    fill(admission);
    for (let tick = 0; tick < 50; tick += 1) admission.observeDelay(50);
    empty(admission);
    expect(enterMany(admission, "control", 100)).toBe(limitMin / 2);
    const reportsToo = Math.floor(limitMin * classShares.report);
    expect(enterMany(admission, "report", 100)).toBe(reportsToo - limitMin / 2);
    expect(enterMany(admission, "select", 100)).toBe(limitMin - reportsToo);
  });
});

describe("late answers", () => {
  /** 200 calls, one after the other beside `beside` others that are under way. */
  const answer = (
    admission: Admission,
    requestClass: RequestClass,
    durationMs: number,
    beside = manyCalls,
  ) => {
    const others = enterMany(admission, "select", beside);
    for (let call = 0; call < 200; call += 1) {
      const { counted } = admission.enter(requestClass, 1);
      admission.leave(requestClass, counted, durationMs);
    }
    admission.leave("select", others, durationMs);
  };

  it("shrink the limit although the event loop is in time, as when calls queue for the state store", () => {
    const { admission } = openAdmission(1_000);
    answer(admission, "select", durationHighMs + 5);
    admission.observeDelay(0);
    expect(admission.limit).toBe(800);
    answer(admission, "select", durationLowMs - 5);
    admission.observeDelay(0);
    expect(admission.limit).toBeGreaterThan(800);
  });

  it("leave some calls their room, however slow the store is by itself", () => {
    const { admission } = openAdmission(1_000);
    for (let tick = 0; tick < 100; tick += 1) {
      answer(admission, "select", 200);
      admission.observeDelay(0);
    }
    expect(enterMany(admission, "select", 1_000)).toBe(limitMin);
  });

  it("are forgotten: twenty slow decisions do not shrink the limit, and many do for a second or two only", () => {
    const few = openAdmission(1_000).admission;
    enterMany(few, "select", 20);
    for (let call = 0; call < 20; call += 1) few.leave("select", 1, 300);
    passTime(few, 1_000);
    expect(few.limit).toBe(1_000);

    const { admission } = openAdmission(1_000);
    for (let tick = 0; tick < 50; tick += 1) {
      answer(admission, "select", 300);
      admission.observeDelay(0);
    }
    expect(admission.limit).toBe(limitMin);
    passTime(admission, 250);
    expect(admission.limit).toBe(1_000);
  });

  it("are not forgotten while calls pile up that do not end (negative control)", () => {
    const { admission } = openAdmission(1_000);
    answer(admission, "select", 300);
    enterMany(admission, "select", 100);
    passTime(admission, 1_000);
    expect(admission.limit).toBe(limitMin);
  });

  it("of reports, queries and batches do not count: they may wait without any load", () => {
    const { admission } = openAdmission(1_000);
    answer(admission, "control", 5_000);
    answer(admission, "report", 5_000);
    for (let call = 0; call < 200; call += 1) {
      const { counted } = admission.enter("select", 50);
      admission.leave("select", counted, 100);
    }
    admission.observeDelay(0);
    expect(admission.limit).toBe(1_000);
  });
});

describe("a call of which only the name is known", () => {
  it("takes room until its turn of the event loop is over, so that a burst does not all get through", () => {
    const { admission } = openAdmission(10);
    const burst = Array.from({ length: 15 }, () => admission.announce("select", 0));
    expect(burst.filter((retryAfterMs) => retryAfterMs === undefined)).toHaveLength(10);
    // Those announced begin: they are not counted twice.
    expect(enterMany(admission, "select", 10)).toBe(10);
    for (let call = 0; call < 10; call += 1) admission.leave("select", 1, 1);
    // One that was announced and never came holds its room for this turn only.
    for (let call = 0; call < 10; call += 1) admission.announce("select", 0);
    expect(admission.announce("select", 0)).toBeDefined();
    admission.forgetAnnounced();
    expect(admission.announce("select", 0)).toBeUndefined();
  });
});

it("spreads the delays after which callers come back over the whole range", () => {
  const { admission } = openAdmission(1);
  enterMany(admission, "select", 1);
  const delays = Array.from({ length: 1_000 }, () => admission.announce("select", 0) as number);
  expect(Math.min(...delays)).toBe(retryAfterMsMin);
  expect(Math.max(...delays)).toBe(retryAfterMsMax);
  expect(new Set(delays).size).toBeGreaterThan(20);
});

describe("an overload that lasts", () => {
  /** Half seconds in which 60 calls come at once before each measurement: those over the limit are refused. */
  const overload = (
    admission: Admission,
    halfSeconds: number,
    delayMs = 4,
    durationMs = 3.5,
  ): void => {
    for (let measurement = 0; measurement < halfSeconds * beginMeasurements; measurement += 1) {
      let entered = 0;
      for (let call = 0; call < 60; call += 1) {
        if (admission.announce("select", 0) !== undefined) continue;
        if (admission.enter("select", 1).retryAfterMs === undefined) entered += 1;
      }
      admission.forgetAnnounced();
      admission.observeDelay(delayMs);
      for (let call = 0; call < entered; call += 1) admission.leave("select", 1, durationMs);
    }
  };
  /** An overload that has just begun to stand, all its calls answered. */
  const openOverloaded = (requestsMax: number) => {
    const opened = openAdmission(requestsMax);
    const { admission } = opened;
    fill(admission);
    for (let sample = 0; sample < 50; sample += 1) admission.observeDelay(30);
    empty(admission);
    expect(opened.isStanding()).toBe(false);
    // Between the thresholds for bursts: the limit stays, and refuses some.
    overload(admission, 1, (delayLowMs + delayHighMs) / 2);
    expect(opened.isStanding()).toBe(true);
    expect(admission.limit).toBeLessThan(limitMin);
    return opened;
  };

  it("shrinks the limit below the floor that bursts have", () => {
    const { admission } = openAdmission(50);
    // One measurement is missing.
    overload(admission, 1 - 1 / beginMeasurements);
    expect(admission.limit).toBe(50);
    overload(admission, 1);
    expect(admission.limit).toBe(standingBounds.limitMin);
    expect(standingBounds.limitMin).toBeLessThan(limitMin);
    expect(enterMany(admission, "select", 100)).toBe(standingBounds.limitMin);
  });

  it("is not met by a few calls that come late, and not by many of which none is refused (negative controls)", () => {
    const few = openAdmission(1_000);
    for (let measurement = 0; measurement < 10 * beginMeasurements; measurement += 1) {
      few.admission.announce("select", 0);
      few.admission.forgetAnnounced();
      few.admission.observeDelay(4);
    }
    expect(few.isStanding()).toBe(false);
    expect(few.admission.limit).toBe(1_000);

    const many = openAdmission(1_000);
    overload(many.admission, 10);
    expect(many.isStanding()).toBe(false);
    expect(many.admission.limit).toBe(1_000);
  });

  it("refuses what may have waited for long to be read, which in a burst nothing is refused for", () => {
    const { admission, shed, isStanding } = openAdmission(100);
    const longestMs = standingBounds.arrivalWaitMaxMs;
    expect(admission.announce("select", 60_000)).toBeUndefined();
    admission.forgetAnnounced();
    enterMany(admission, "select", 100);
    for (let call = 0; call < 200; call += 1) admission.announce("select", 0);
    const betweenMs = (standingBounds.delayLowMs + standingBounds.delayHighMs) / 2;
    for (let sample = 0; sample < beginMeasurements; sample += 1) admission.observeDelay(betweenMs);
    empty(admission);
    expect(isStanding()).toBe(true);
    expect(shed).toEqual({ "bandit_requests_shed_total select in_flight": 200 });
    // While there is room for as many as ever, a pause has let it wait, not the load.
    expect(admission.limit).toBe(100);
    expect(admission.announce("select", longestMs + 1)).toBeUndefined();
    admission.forgetAnnounced();

    fill(admission);
    admission.observeDelay(standingBounds.delayHighMs + 1);
    empty(admission);
    expect(admission.limit).toBe(80);
    // The only one is let in: nothing is under way that would be answered sooner without it.
    expect(admission.announce("control", 60_000)).toBeUndefined();
    // Control calls first, selects last, as for room.
    for (const requestClass of requestClasses) {
      const classMs = longestMs * classShares[requestClass];
      expect(admission.announce(requestClass, classMs)).toBeUndefined();
      expect(admission.announce(requestClass, classMs + 0.1)).toBeDefined();
      expect(shed[`bandit_requests_shed_total ${requestClass} delay`]).toBe(1);
    }
  });

  it("is over some seconds after the calls have become fewer, and bursts are let in again", () => {
    const { admission, isStanding } = openOverloaded(1_000);
    passTime(admission, endMeasurements);
    expect(isStanding()).toBe(false);
    expect(admission.limit).toBe(1_000);
    enterMany(admission, "select", 100);
    for (let sample = 0; sample < 100; sample += 1) admission.observeDelay(30);
    expect(admission.limit).toBe(limitMin);
  });

  it("ends when the store is slow, for strict bounds would refuse what could be done while this process idles", () => {
    const { admission, isStanding, loop } = openOverloaded(1_000);
    overload(admission, (beginMeasurements - 1) / beginMeasurements, 0.1, 100);
    expect(isStanding()).toBe(true);
    expect(admission.limit).toBe(standingBounds.limitMin);
    loop.active += 100;
    loop.idle += 400;
    // The limit does not grow, decisions take long: it has the floor of bursts at once.
    overload(admission, 1 / beginMeasurements, 0.1, 100);
    expect(isStanding()).toBe(false);
    expect(admission.limit).toBe(limitMin);
  });

  it("gives the floor of bursts back when it ends, also where the limit neither grows nor shrinks", () => {
    const { admission, isStanding } = openOverloaded(1_000);
    const betweenMs = (delayLowMs + delayHighMs) / 2;
    for (let sample = 0; sample < endMeasurements - 1; sample += 1) {
      admission.observeDelay(betweenMs);
    }
    expect(isStanding()).toBe(true);
    expect(admission.limit).toBeLessThan(limitMin);
    admission.observeDelay(betweenMs);
    admission.observeDelay(betweenMs);
    expect(isStanding()).toBe(false);
    expect(admission.limit).toBe(limitMin);
  });
});
