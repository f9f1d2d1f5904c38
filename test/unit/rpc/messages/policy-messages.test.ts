import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { type Policy, PolicySchema } from "../../../../src/gen/bandit/v1/policy_pb.ts";
import { parsePolicy } from "../../../../src/rpc/messages/policy-messages.ts";

type Durations = Pick<
  Exclude<MessageInitShape<typeof PolicySchema>, Policy>,
  "attributionWindow" | "refreshInterval"
>;

const parsed = (durations: Durations) =>
  parsePolicy(
    create(PolicySchema, {
      algorithm: { kind: { case: "thompsonSampling", value: {} } },
      reward: { components: [{ metric: "test_pass_rate", weight: 1 }] },
      ...durations,
    }),
  );

describe("the durations of a policy", () => {
  it("are taken to the second and to the millisecond", () => {
    expect(
      parsed({
        attributionWindow: { seconds: 90n },
        refreshInterval: { seconds: 1n, nanos: 7_000_000 },
      }),
    ).toMatchObject({ attributionWindowSeconds: 90, refreshIntervalMs: 1007 });
  });

  it("are refused when they are finer than that, not rounded", () => {
    const field = (name: string, description: string) =>
      expect.objectContaining({ violations: [{ field: name, description }] });
    expect(() => parsed({ attributionWindow: { seconds: 1n, nanos: 500_000_000 } })).toThrow(
      field("policy.attribution_window", "must be whole seconds"),
    );
    expect(() => parsed({ refreshInterval: { nanos: 1_500_000 } })).toThrow(
      field("policy.refresh_interval", "must be whole milliseconds"),
    );
  });
});
