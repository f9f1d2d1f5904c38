import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { CliError, exitCodes } from "../../../src/cli/exit-code.ts";
import { policyFromJson } from "../../../src/cli/policy-json.ts";
import { PolicySchema } from "../../../src/client/index.ts";

const policy = {
  algorithm: { epsilon_greedy: { epsilon: 0.3 } },
  reward: {
    components: [{ metric: "mine", weight: 0.5, min: 0, max: "1", lower_is_better: true }],
  },
  attribution_window: "3600s",
  forgettingHalfLife: "0.5s",
  default_reward: null,
};

function refusal(content: JsonValue): string {
  try {
    policyFromJson(content, "p.json");
  } catch (error) {
    expect(error).toBeInstanceOf(CliError);
    expect((error as CliError).exitCode).toBe(exitCodes.usage);
    return (error as CliError).message;
  }
  throw new Error("it was taken");
}

describe("a policy from JSON", () => {
  it("is taken with names in either style, alone or as a record", () => {
    const expected = {
      algorithm: { epsilon_greedy: { epsilon: 0.3 } },
      attribution_window: "3600s",
      forgetting_half_life: "0.500s",
    };
    const record = { agent_type: "a", policy, updated_at: "2026-11-01T00:00:00Z", etag: "1" };
    for (const content of [policy, record]) {
      const parsed = policyFromJson(content, "p.json");
      const json = toJson(PolicySchema, parsed, { useProtoFieldName: true });
      expect(json).toMatchObject(expected);
      expect(json).not.toHaveProperty("default_reward");
    }
  });

  it.each<[JsonValue, string]>([
    [[], "p.json is not a policy: policy: must be an object, not a list"],
    [null, "p.json is not a policy: policy: must be an object, not null"],
    [{ policy: null }, "its policy is null"],
    [{ policy: [] }, ": policy: must be an object, not a list"],
    [{ policy, etags: "1" }, ": etags: unknown field; is it etag?"],
    [{ minimum_shares: 0.1 }, ": policy.minimum_shares: unknown field; is it minimum_share?"],
    [
      { policy: { colour: 1 } },
      ": policy.colour: unknown field; the fields are algorithm, reward,",
    ],
    [{ minimum_share: "much" }, ': policy.minimum_share: expected number (float64), got "much"'],
    [{ minimum_share: "" }, ': policy.minimum_share: expected number (float64), got ""'],
    [{ learn_from_late_outcomes: 1 }, ": policy.learn_from_late_outcomes: expected boolean, got 1"],
    [{ reward: { components: {} } }, ": policy.reward.components: must be a list, not an object"],
    [
      { reward: { components: [{ metric: "a" }, { metrik: "b" }] } },
      ": policy.reward.components[1].metrik: unknown field; is it metric?",
    ],
    [
      { reward: { components: [{ metric: 7 }] } },
      ": policy.reward.components[0].metric: expected string, got 7",
    ],
    [
      { algorithm: "thompson_sampling" },
      ': policy.algorithm: must be an object, not "thompson_sampling"',
    ],
    [
      { algorithm: { thompson: {} } },
      ": policy.algorithm.thompson: unknown field; is it thompson_sampling?",
    ],
    [
      { algorithm: { ucb1: {}, softmax: {} } },
      ": policy.algorithm: oneof set multiple times by ucb1 and softmax",
    ],
    [
      { algorithm: { softmax: { temp: 1 } } },
      ": policy.algorithm.softmax.temp: unknown field; is it temperature?",
    ],
    [
      { forgetting_half_life: "7d" },
      ': policy.forgetting_half_life: "7d" is no duration; write seconds, e.g. "3600s"',
    ],
    [
      { refresh_interval: "50 ms" },
      ': policy.refresh_interval: "50 ms" is no duration; write seconds, e.g. "3600s"',
    ],
    [
      { attributionWindow: 3600 },
      ': policy.attributionWindow: 3600 is no duration; write seconds, e.g. "3600s"',
    ],
    [
      { attribution_window: "soon" },
      ': policy.attribution_window: "soon" is no duration; write seconds, e.g. "3600s"',
    ],
    [{ attribution_window: "999999999999s" }, "p.json is not a policy: "],
  ])("is refused with the name of the field: %j", (content, message) => {
    expect(refusal(content)).toContain(message);
  });
});
