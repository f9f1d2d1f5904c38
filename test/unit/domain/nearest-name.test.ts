import { describe, expect, it } from "vitest";
import { nearestName } from "../../../src/domain/nearest-name.ts";

describe("the nearest name", () => {
  it("is the one with the fewest characters to change, if they are few", () => {
    expect(nearestName("exploration_shar", ["holdout_share", "exploration_share"])).toBe(
      "exploration_share",
    );
    expect(nearestName("alpha", ["alpha", "alphas"])).toBe("alpha");
    expect(nearestName("aab", ["aaa", "aac"])).toBe("aaa");
    expect(nearestName("colour", ["weight", "etag"])).toBeUndefined();
    expect(nearestName("x", [])).toBeUndefined();
    expect(nearestName("pass_rate", ["coverage", "test_pass_rate"])).toBe("test_pass_rate");
    expect(nearestName("age", ["coverage"])).toBeUndefined();
  });

  it("of a text of megabytes is none, and is not looked for", () => {
    const startedMs = performance.now();
    expect(
      nearestName("k".repeat(4_000_000), ["exploration_share", "holdout_share"]),
    ).toBeUndefined();
    expect(performance.now() - startedMs).toBeLessThan(100);
  });
});
