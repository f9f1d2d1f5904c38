import { describe, expect, it } from "vitest";
import { systemEntropy } from "../../../../src/adapters/system/system-entropy.ts";
import {
  formatGenerationId,
  generationIdBucket,
  generationIdTimestampMs,
} from "../../../../src/domain/generation-id.ts";
import { GenerationIdFactory } from "../../../../src/service/deciding/generation-id-factory.ts";

describe("generation id factory", () => {
  it("makes distinct ids, a hundred to a bucket", () => {
    const clock = { nowMs: () => 1_700_000_000_000, monotonicMs: () => 0 };
    const factory = new GenerationIdFactory({ clock, entropy: systemEntropy });
    const ids = new Set<string>();
    const perBucket = new Map<number, number>();
    for (let made = 0; made < 10_000; made += 1) {
      const bytes = factory.next();
      ids.add(formatGenerationId(bytes));
      expect(generationIdTimestampMs(bytes)).toBe(1_700_000_000_000);
      const bucket = generationIdBucket(bytes);
      perBucket.set(bucket, (perBucket.get(bucket) ?? 0) + 1);
    }
    expect(ids.size).toBe(10_000);
    expect(perBucket.size).toBe(100);
    expect(Math.max(...perBucket.values())).toBe(100);
  });
});
