import { join } from "node:path";
import { toJson } from "@bufbuild/protobuf";
import { describe, expect, it, vi } from "vitest";
import { type Allocation, AllocationSchema } from "../../../src/client/index.ts";
import { words } from "../../support/words.ts";
import { outputOf } from "./cli-process.ts";
import { useService } from "./running-service.ts";

vi.setConfig({ testTimeout: 90_000 });

const site = useService();

const policy = (...args: string[]) => site.run("policy", ...args);
const policyJson = (...args: string[]) => site.json("policy", ...args);
const { file } = site;

const components = [{ metric: "test_pass_rate", weight: 0.5 }];

describe("banditd policy", () => {
  it("shows a policy, and takes what it shows back unchanged", async () => {
    const text = await policy("show", "evolution");
    expect(text.stdout).toContain("Policy of evolution, set ");
    expect(text.stdout).toMatch(/algorithm +thompson_sampling\n/);
    const before = await policyJson("show", "evolution");
    expect(before).toMatchObject({
      agent_type: "evolution",
      policy: { algorithm: { thompson_sampling: {} }, attribution_window: "86400s" },
    });
    const after = await policyJson("set", "evolution", "--file", file("same.json", before));
    expect(after.policy).toEqual(before.policy);
    expect(after.etag).not.toBe(before.etag);
  });

  it("sets a policy from a file or from standard input, for all code types or for one", async () => {
    const wanted = {
      algorithm: { epsilon_greedy: { epsilon: 0.3 } },
      reward: { components },
      exploration_share: 0.02,
      attribution_window: "3600s",
      forgetting_half_life: "604800s",
      default_reward: 0.25,
    };
    const set = await policyJson("set", "analysis", "--file", file("wanted.json", wanted));
    expect(set.policy).toMatchObject({ ...wanted, reward: { components: [components[0]] } });
    const args = [...words("policy set analysis --code-type py --file -"), ...site.address()];
    const input = JSON.stringify({ ...wanted, algorithm: { softmax: {} } });
    expect(await outputOf(args, { input })).toContain("Policy of analysis, code type py");
    expect(await policyJson("show", "analysis", "--code-type", "py")).toMatchObject({
      code_type: "py",
      policy: { algorithm: { softmax: { temperature: 0.05 } } },
    });
    expect((await policy("show", "analysis", "--code-type", "ts")).stdout).toContain(
      "ts has no policy of its own.\nPolicy of analysis, set",
    );
    const deleted = await policyJson("delete", "analysis", "--code-type", "py");
    expect(deleted).toEqual(await policyJson("show", "analysis"));
    expect((await policy("delete", "analysis", "--code-type", "py")).exitCode).toBe(3);
  });

  it("changes nothing when it only checks, or when the etag is an old one", async () => {
    const before = await policyJson("show", "reporting");
    const path = file("other.json", { algorithm: { ucb1: {} }, reward: { components } });
    const checked = await policy("set", "reporting", "--file", path, "--validate-only");
    expect(checked.stdout).toContain("Valid; nothing was changed.");
    expect(checked.stdout).toMatch(/algorithm +ucb1\n +exploration +2\n/);
    expect(await policyJson("show", "reporting")).toEqual(before);
    const stale = await policy("set", "reporting", "--file", path, "--etag", "stale");
    expect(stale.exitCode).toBe(1);
    expect(stale.stderr).toContain("has changed since it was read");
    expect(await policyJson("show", "reporting")).toEqual(before);
    const etag = before.etag as string;
    const set = await policyJson("set", "reporting", "--file", path, "--etag", etag);
    expect(set.policy.algorithm).toEqual({ ucb1: { exploration: 2 } });
  });

  it.each<[string, unknown, string]>([
    ["what is no JSON", "{", "not JSON"],
    ["a list", [], "is not a policy"],
    [
      "a field nobody knows",
      { exploration_shares: 0.1 },
      "policy.exploration_shares: there is no such field; is it exploration_share?",
    ],
    [
      "a field of the wrong kind",
      { exploration_share: "much" },
      "policy.exploration_share: must be a number",
    ],
    ["a record without a policy", { policy: null }, "its policy is null"],
    [
      "a value out of range",
      { algorithm: { epsilon_greedy: { epsilon: 2 } }, reward: { components } },
      "policy.algorithm.epsilon_greedy.epsilon: must be",
    ],
    [
      "a rule that only the service knows",
      { algorithm: { ucb1: {} }, reward: { components: [{ metric: "mine", weight: 1 }] } },
      "reward.components[0]",
    ],
  ])("names the field of %s", async (_, content, message) => {
    const path = file("bad.json", content);
    const { exitCode, stderr } = await policy("set", "evolution", "--file", path);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(2);
  });

  it("exits with 3 for an agent type nobody knows, and 2 for a file that is not there", async () => {
    expect((await policy("show", "nobody")).exitCode).toBe(3);
    const missing = await policy("set", "evolution", "--file", join(site.directory, "none.json"));
    expect(missing.exitCode).toBe(2);
    expect(missing.stderr).toContain(`there is no file ${join(site.directory, "none.json")}`);
  });
});

describe("banditd allocation", () => {
  const allocation = (...args: string[]) => site.run("allocation", ...args);

  it("shows what GetAllocation says", async () => {
    const { client } = site;
    const request = { agentType: "evolution", codeType: "py" };
    const { generationId } = await client.selectVariant(request);
    await client.recordOutcome({
      generationId,
      outcome: { case: "testRun", value: { passed: 9, failed: 1 } },
    });
    // Recomputed when the outcome is heard of, and the same from then on.
    const learned = await vi.waitFor(async () => {
      const { allocation: current } = await client.getAllocation(request);
      expect(current?.arms.map((arm) => arm.generations)).toContain(1n);
      return current as Allocation;
    });
    const found = await site.json("allocation", "evolution", "py");
    const wanted = toJson(AllocationSchema, learned, {
      alwaysEmitImplicit: true,
      useProtoFieldName: true,
    });
    expect(found).toEqual({ ...(wanted as object), computed_at: expect.any(String) });
    const { stdout } = await allocation("evolution", "py");
    expect(stdout).toContain("Allocation of evolution for py: ");
    expect(stdout).toContain("* the baseline");
    for (const arm of found.arms)
      expect(stdout).toContain(`Beta(${short(arm.alpha)}, ${short(arm.beta)})`);
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });

  it("is that of the features, where a policy looks at them", async () => {
    const features = [{ name: "size", mean: 10, scale: 5 }];
    const linear = { algorithm: { linear_thompson: { features } }, reward: { components } };
    await policyJson("set", "requirements", "--file", file("linear.json", linear));
    const deviation = async (size: string) => {
      const found = await site.json("allocation", "requirements", "py", "--feature", size);
      return found.arms[0].linear.standard_deviation;
    };
    expect(await deviation("size=10")).toBeCloseTo(1, 10);
    expect(await deviation("size=20")).toBeCloseTo(Math.sqrt(1 + 2 ** 2), 10);
  });

  it.each([
    [["nobody", "py"], 3, "nobody"],
    [["evolution", "p y"], 2, "code_type"],
    [["evolution", "py", "--feature", "size"], 2, "--feature size: must be a name"],
    [["evolution", "py", "--feature", "a=1", "--feature", "a=2"], 2, "given twice"],
  ])("%j exits with %i", async (args, code, message) => {
    const { exitCode, stderr } = await allocation(...args);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(code);
  });
});

/** As tables show a number. */
function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
