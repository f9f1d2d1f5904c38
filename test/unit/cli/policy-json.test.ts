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

function expectRefusal(content: JsonValue, message: string): void {
  const parse = () => policyFromJson(content, "p.json");
  expect(parse).toThrow(CliError);
  expect(parse).toThrow(expect.objectContaining({ exitCode: exitCodes.usage }));
  expect(parse).toThrow(message);
}

const components = (...some: JsonValue[]) => ({ reward: { components: some } });
const twoAlgorithms = { algorithm: { ucb1: {}, softmax: {} } };
const softmax = (parameters: JsonValue) => ({ algorithm: { softmax: parameters } });
const noDuration = 'must be a duration in seconds, such as "1.5s", not';

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
    [{ policy, etags: "1" }, ": etags: there is no such field; is it etag?"],
    [
      { policy: { colour: 1 } },
      ": policy.colour: there is no such field; the fields are algorithm, reward,",
    ],
    [{ attribution_window: "999999999999s" }, "p.json is not a policy: "],
  ])("is refused as a whole: %j", expectRefusal);

  it.each<[JsonValue, string]>([
    [
      { exploration_shares: 0.1 },
      "exploration_shares: there is no such field; is it exploration_share?",
    ],
    [{ exploration_share: "much" }, 'exploration_share: must be a number, not "much"'],
    [{ exploration_share: "0x1" }, 'exploration_share: must be a number, not "0x1"'],
    [{ exploration_share: "" }, 'exploration_share: must be a number, not ""'],
    [{ learn_from_late_outcomes: 1 }, "learn_from_late_outcomes: must be true or false, not 1"],
    [{ reward: { components: {} } }, "reward.components: must be a list, not an object"],
    [
      components({}, { metrik: "b" }),
      "reward.components[1].metrik: there is no such field; is it metric?",
    ],
    [components({ metric: 7 }), "reward.components[0].metric: must be a text, not 7"],
    [{ algorithm: "softmax" }, 'algorithm: must be an object, not "softmax"'],
    [
      { algorithm: { thompson: {} } },
      "algorithm.thompson: there is no such field; is it thompson_sampling?",
    ],
    [twoAlgorithms, "algorithm.kind: exactly one of thompson_sampling, "],
    [softmax({ temp: 1 }), "algorithm.softmax.temp: there is no such field; is it temperature?"],
    [{ forgetting_half_life: "7d" }, `forgetting_half_life: ${noDuration} "7d"`],
    [{ refresh_interval: "50 ms" }, `refresh_interval: ${noDuration} "50 ms"`],
    [{ attributionWindow: 3600 }, `attribution_window: ${noDuration} 3600`],
    [{ attribution_window: "soon" }, `attribution_window: ${noDuration} "soon"`],
  ])("is refused with the name of the field: %j", (content, message) =>
    expectRefusal(content, `: policy.${message}`),
  );
});
