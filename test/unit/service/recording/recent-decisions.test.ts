import { describe, expect, it } from "vitest";
import type { DecisionRecord } from "../../../../src/domain/decision.ts";
import type { GenerationId } from "../../../../src/domain/ids.ts";
import { RecentDecisions } from "../../../../src/service/recording/recent-decisions.ts";

const record = (id: number) => ({ generationId: String(id) as GenerationId }) as DecisionRecord;

describe("recent decisions", () => {
  it("always holds the newest half, and never more than it may", () => {
    const recent = new RecentDecisions(100, { monotonicMs: () => 0 });
    for (let id = 0; id < 1_000; id += 1) recent.add(record(id));
    for (let id = 950; id < 1_000; id += 1) {
      expect(recent.find(String(id) as GenerationId)?.generationId).toBe(String(id));
    }
    let held = 0;
    for (let id = 0; id < 1_000; id += 1) {
      if (recent.find(String(id) as GenerationId) !== undefined) held += 1;
    }
    expect(held).toBeGreaterThanOrEqual(50);
    expect(held).toBeLessThanOrEqual(100);
  });

  it("forgets by the monotonic clock before the store may have forgotten what was booked", () => {
    let nowMs = 0;
    const recent = new RecentDecisions(100, { monotonicMs: () => nowMs });
    recent.add(record(1));
    nowMs = 8 * 60_000;
    expect(recent.find("1" as GenerationId)).toBeDefined();
    nowMs = 10 * 60_000;
    expect(recent.find("1" as GenerationId)).toBeUndefined();
    expect(recent.recall("1" as GenerationId)).toBeDefined();
    recent.add(record(1));
    expect(recent.find("1" as GenerationId)).toBeDefined();
  });
});
