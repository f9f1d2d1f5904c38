import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bucketsMax,
  type Caller,
  namesPerPeerMax,
  RateLimiter,
} from "../../../../src/service/admission/rate-limiter.ts";
import { forAll } from "../../../support/for-all.ts";

class ManualClock {
  ms = 0;
  nowMs(): number {
    return 1_763_856_000_000;
  }
  monotonicMs(): number {
    return this.ms;
  }
}

function openLimiter(ratePerSecond: number, burst: number) {
  const clock = new ManualClock();
  return { clock, limiter: new RateLimiter({ ratePerSecond, burst, clock }) };
}

const someone: Caller = { peer: "10.0.0.1" };

/** Times at which tokens were given, one entry per token. */
function run(
  calls: readonly { gapMs: number; items: number }[],
  take: (items: number) => number,
  clock: ManualClock,
): number[] {
  const taken: number[] = [];
  for (const { gapMs, items } of calls) {
    clock.ms += gapMs;
    if (take(items) === 0) for (let item = 0; item < items; item += 1) taken.push(clock.ms);
  }
  return taken;
}

/** The largest excess over rate·t + burst in any window that begins and ends at a call. */
function excess(taken: readonly number[], ratePerSecond: number, burst: number): number {
  let worst = Number.NEGATIVE_INFINITY;
  for (let from = 0; from < taken.length; from += 1) {
    for (let to = from; to < taken.length; to += 1) {
      const seconds = ((taken[to] as number) - (taken[from] as number)) / 1000;
      worst = Math.max(worst, to - from + 1 - (ratePerSecond * seconds + burst));
    }
  }
  return worst;
}

const callsArbitrary = fc.array(
  fc.record({ gapMs: fc.nat({ max: 400 }), items: fc.integer({ min: 1, max: 12 }) }),
  { minLength: 1, maxLength: 60 },
);

describe("a bucket", () => {
  it("never gives more than rate x t + burst in any window", () =>
    forAll(
      [callsArbitrary, fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 20 })],
      { seed: 41, numRuns: 300 },
      (calls, ratePerSecond, burst) => {
        const { clock, limiter } = openLimiter(ratePerSecond, burst);
        const taken = run(calls, (items) => limiter.take(someone, items), clock);
        expect(excess(taken, ratePerSecond, burst)).toBeLessThan(1e-6);
      },
    ));

  it("would be found out if it gave a tenth too much (negative control)", () => {
    const { clock, limiter } = openLimiter(10, 5);
    const generous = (items: number) => {
      // A clock that runs a tenth too fast is a rate that is a tenth too high.
      const real = clock.ms;
      clock.ms = real * 1.1;
      const result = limiter.take(someone, items);
      clock.ms = real;
      return result;
    };
    const calls = Array.from({ length: 400 }, () => ({ gapMs: 20, items: 1 }));
    expect(excess(run(calls, generous, clock), 10, 5)).toBeGreaterThan(1);
  });

  it("never refuses a caller that keeps to the rate, whatever others do", () =>
    forAll(
      [
        fc.array(fc.nat({ max: 300 }), { minLength: 1, maxLength: 80 }),
        fc.integer({ min: 1, max: 50 }),
      ],
      { seed: 42, numRuns: 100 },
      (slackMs, ratePerSecond) => {
        const { clock, limiter } = openLimiter(ratePerSecond, 1);
        for (const slack of slackMs) {
          // A nanosecond of slack: sums of fractions of a millisecond are not exact.
          clock.ms += 1000 / ratePerSecond + slack + 1e-6;
          expect(limiter.take({ ...someone, name: "careful" }, 1)).toBe(0);
          for (let flood = 0; flood < 20; flood += 1) {
            limiter.take({ ...someone, name: `noise-${flood}` }, 1);
            limiter.take({ peer: `10.1.1.${flood}` }, 1);
          }
        }
      },
    ));

  it("refuses one that is a tenth above the rate (negative control)", () => {
    const { clock, limiter } = openLimiter(10, 1);
    let refused = 0;
    for (let call = 0; call < 100; call += 1) {
      clock.ms += 90;
      if (limiter.take(someone, 1) > 0) refused += 1;
    }
    expect(refused).toBeGreaterThan(5);
  });

  it("says when a token is there: not a moment earlier, and then it is", () => {
    const { clock, limiter } = openLimiter(4, 2);
    expect(limiter.take(someone, 2)).toBe(0);
    clock.ms += 100;
    const waitMs = limiter.take(someone, 1);
    expect(waitMs).toBeCloseTo(150, 9);
    clock.ms += waitMs - 1;
    expect(limiter.take(someone, 1)).toBeCloseTo(1, 6);
    clock.ms += 1;
    expect(limiter.take(someone, 1)).toBe(0);
  });

  it("counts every item of a batch, takes none when it refuses, and never promises what cannot be", () => {
    const { limiter } = openLimiter(1, 10);
    expect(limiter.take(someone, 8)).toBe(0);
    expect(limiter.take(someone, 3)).toBeCloseTo(1_000, 6);
    expect(limiter.take(someone, 2)).toBe(0);
    expect(limiter.take(someone, 11)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("a flood of made-up names", () => {
  it("gets no more than its address's names together, and does not grow the memory", () => {
    const { limiter } = openLimiter(1, 5);
    let taken = 0;
    for (let call = 0; call < 50_000; call += 1) {
      if (limiter.take({ peer: "10.9.9.9", name: `made-up-${call}` }, 1) === 0) taken += 1;
    }
    // One token of each name that has a bucket, then the five of the address itself.
    expect(taken).toBe(namesPerPeerMax + 5);
    expect(limiter.size).toBe(namesPerPeerMax + 1);
  });

  it("does not take the limit off a caller that has used its up", () => {
    const { clock, limiter } = openLimiter(1, 5);
    const greedy: Caller = { peer: "10.0.0.7", name: "greedy" };
    expect(limiter.take(greedy, 5)).toBe(0);
    for (let call = 0; call < 3 * bucketsMax; call += 1) {
      limiter.take({ peer: `peer-${call}`, name: "made-up" }, 1);
      if (call % 1_000 === 0) expect(limiter.take(greedy, 1)).toBeGreaterThan(0);
    }
    expect(limiter.size).toBe(bucketsMax);
    expect(limiter.take(greedy, 1)).toBeGreaterThan(0);
    // When time has passed, those that fell silent make room for others.
    clock.ms += 5_000;
    expect(limiter.take({ peer: "newcomer-1" }, 5)).toBe(0);
    expect(limiter.take({ peer: "newcomer-2" }, 5)).toBe(0);
    expect(limiter.size).toBe(bucketsMax);
  });

  it("holds no more buckets than are allowed, also when the oldest caller comes again with a name", () => {
    const { clock, limiter } = openLimiter(1, 5);
    for (const name of [undefined, "a", "b", undefined, "c"]) {
      clock.ms += 3_000;
      for (let peer = 0; peer < bucketsMax; peer += 1) {
        limiter.take({ peer: `p${peer}`, ...(name === undefined ? {} : { name }) }, 1);
      }
      expect(limiter.size).toBeLessThanOrEqual(bucketsMax);
    }
    // The count is right: when all have fallen silent, each caller that comes finds a full bucket of its own.
    clock.ms += 1_000_000;
    for (let peer = 0; peer < bucketsMax; peer += 1) {
      expect(limiter.take({ peer: `q${peer}` }, 5)).toBe(0);
    }
    expect(limiter.size).toBe(bucketsMax);
    expect(limiter.take({ peer: "one-too-many" }, 5)).toBe(0);
    expect(limiter.take({ peer: "two-too-many" }, 5)).toBeGreaterThan(0);
  });

  it("leaves newcomers one bucket together while every bucket is in use", () => {
    const { limiter } = openLimiter(1, 3);
    for (let peer = 0; peer < bucketsMax; peer += 1) limiter.take({ peer: `peer-${peer}` }, 1);
    let taken = 0;
    for (let peer = 0; peer < 1_000; peer += 1) {
      if (limiter.take({ peer: `newcomer-${peer}`, name: "k" }, 1) === 0) taken += 1;
    }
    expect(taken).toBe(3);
    expect(limiter.size).toBe(bucketsMax);
  });
});
