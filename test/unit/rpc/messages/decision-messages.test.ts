import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  RecordGenerationRequestSchema,
  RecordOutcomeRequestSchema,
} from "../../../../src/gen/bandit/v1/decision_service_pb.ts";
import {
  parseGenerationReport,
  parseOutcome,
} from "../../../../src/rpc/messages/decision-messages.ts";

const generationId = "019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b";
const second = 1_700_000_000n;

function occurredAtMs(occurredAt: { seconds: bigint; nanos: number }): number | undefined {
  const outcome = { case: "ci", value: { passed: true } } as const;
  return parseOutcome(create(RecordOutcomeRequestSchema, { generationId, occurredAt, outcome }))
    .occurredAtMs;
}

function durationMs(duration: { seconds: bigint; nanos: number }): number | undefined {
  return parseGenerationReport(create(RecordGenerationRequestSchema, { generationId, duration }))
    .durationMs;
}

describe("times of reports", () => {
  it("are kept to the nearest millisecond", () => {
    expect(occurredAtMs({ seconds: second, nanos: 7_400_000 })).toBe(1_700_000_000_007);
    expect(durationMs({ seconds: 1n, nanos: 7_600_000 })).toBe(1_008);
  });

  it.each([-1, 1_000_000_000, -2_000_000_000])("with %d nanos are refused and named", (nanos) => {
    const naming = (field: string) =>
      expect.objectContaining({ violations: [expect.objectContaining({ field })] });
    expect(() => occurredAtMs({ seconds: second, nanos })).toThrow(naming("occurred_at"));
    expect(() => durationMs({ seconds: 10n, nanos })).toThrow(naming("duration"));
  });
});
