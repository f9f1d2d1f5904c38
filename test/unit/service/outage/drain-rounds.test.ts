import { describe, expect, it } from "vitest";
import { DrainRounds } from "../../../../src/service/outage/drain-rounds.ts";

function openRounds() {
  const clock = { now: 0, nowMs: () => clock.now, monotonicMs: () => clock.now };
  const rounds = new DrainRounds(clock);
  /** One pass over `ids`, of which `staying` stay. @returns those that were tried. */
  const pass = (ids: readonly number[], staying: number): number[] => {
    const tried = ids.filter((id) => id > rounds.afterId);
    const last = tried.at(-1);
    if (last !== undefined) {
      const stayed = Math.min(staying, tried.length);
      rounds.advance({ lastId: last, gone: tried.length - stayed, stayed });
    }
    rounds.reachEnd();
    return tried;
  };
  return { clock, rounds, pass };
}

describe("rounds of the replay", () => {
  it("try what stays at growing intervals, and what is new at once", () => {
    const { clock, rounds, pass } = openRounds();
    expect(pass([1, 2], 2)).toEqual([1, 2]);
    expect(pass([1, 2, 3], 1)).toEqual([3]);
    const pauses: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      pauses.push(rounds.untilDueMs);
      clock.now += rounds.untilDueMs;
      expect(pass([1, 2, 3], 3)).toEqual([1, 2, 3]);
      expect(pass([1, 2, 3], 3)).toEqual([]);
    }
    expect(pauses.slice(0, 3)).toEqual([500, 1000, 2000]);
    expect(Math.max(...pauses)).toBe(15_000);
    // One has left: others may follow it soon.
    clock.now += rounds.untilDueMs;
    pass([1, 2, 3], 2);
    clock.now += rounds.untilDueMs;
    pass([2, 3], 2);
    expect(rounds.untilDueMs).toBe(500);
  });

  it("of a million that stay come so rarely that they cost little", () => {
    const { rounds } = openRounds();
    rounds.advance({ lastId: 1_000_000, gone: 0, stayed: 1_000_000 });
    rounds.reachEnd();
    expect(rounds.untilDueMs).toBe(1_000_000);
    rounds.hurry();
    expect(rounds.untilDueMs).toBe(0);
    expect(rounds.afterId).toBe(0);
  });

  it("that are cut off go on where they were", () => {
    const { rounds } = openRounds();
    rounds.advance({ lastId: 400, gone: 0, stayed: 400 });
    rounds.hurry();
    expect(rounds.afterId).toBe(400);
  });
});
