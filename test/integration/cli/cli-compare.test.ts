import { setTimeout } from "node:timers/promises";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { rowsOf } from "../../../src/cli/text/query-result.ts";
import { Mode } from "../../../src/client/index.ts";
import { Aipw } from "../../../src/statistics/aipw.ts";
import { EqualityEProcess } from "../../../src/statistics/equality-e-process.ts";
import { PropensitySampleRatio } from "../../../src/statistics/propensity-sample-ratio.ts";
import type { Result } from "../../../src/statistics/result.ts";
import { stratifiedDifference, stratifiedValue } from "../../../src/statistics/stratified.ts";
import { twoProportionTest } from "../../../src/statistics/two-proportions.ts";
import { accepted } from "../../fixtures/reference/statistics-reference.ts";
import { banditd } from "./cli-process.ts";
import { useService } from "./running-service.ts";

vi.setConfig({ testTimeout: 90_000 });

const agentType = "router";
const control = "router/a@1";
const treatment = "router/b@1";
/** Of every ten tasks a is right in four and b in six; two kinds of tasks. */
const tasks = Array.from({ length: 1000 }, (_, row) => {
  const [a, b] = [row % 10 < 4 ? 1 : 0, row % 7 < 4 ? 1 : 0];
  return `${row % 2 === 0 ? "left" : "right"},${a},${b}`;
});

const site = useService();
const { file } = site;
const common = ["--from", "2020-01-01", "--agent-type", agentType, "--control", control];
const compare = (...args: string[]) => site.run("compare", ...common, ...args);
const reportOf = (...args: string[]) => site.json("compare", ...common, ...args);

/**
 * Learns from the metric that a simulation reports. An arm's share is 0.3 or more: of the 500 tasks of a kind a has 60
 * successes or more on average, and 30, which its value needs, are more than four standard deviations away.
 */
const policy = (attributionWindow: string) => ({
  algorithm: { epsilon_greedy: { epsilon: 0.6 } },
  reward: { components: [{ metric: "outcome", weight: 1, min: 0, max: 1 }] },
  refresh_interval: "0s",
  attribution_window: attributionWindow,
});
const setPolicy = (attributionWindow: string) =>
  site.output("policy", "set", agentType, "--file", file("policy.json", policy(attributionWindow)));

/** Decisions that drew an arm, in their order, as the log has them. */
async function loggedDecisions() {
  const answer = await site.client.query({
    sql:
      "SELECT variant_id, arm_variant_ids, arm_probabilities, reward / reward_weight, reward_weight, code_type " +
      `FROM generation_full WHERE agent_type = '${agentType}' AND source NOT IN ('static', 'fallback') ` +
      "ORDER BY decided_at, generation_id",
    rowsMax: 10_000,
    fresh: true,
  });
  return rowsOf(answer).map(([variant, arms, probabilities, reward, weight, codeType]) => ({
    codeType: String(codeType),
    arm: variant === control ? 0 : 1,
    propensities: [control, treatment].map((arm) =>
      Number((probabilities as number[])[(arms as string[]).indexOf(arm)]),
    ),
    reward: Number(weight) > 0 ? Number(reward) : undefined,
  }));
}

describe("banditd compare on the log of a running service", () => {
  beforeAll(async () => {
    const { client } = site;
    await client.createAgentType({
      agentType,
      policy: {
        algorithm: { kind: { case: "thompsonSampling", value: {} } },
        reward: { components: [{ metric: "outcome", weight: 1, min: 0, max: 1 }] },
      },
      variants: ["a", "b"].map((name) => ({ name, promptTemplate: "{{task}}", model: name })),
    });
    await setPolicy("3600s");
    await site.output(
      "simulate",
      file("tasks.csv", ["kind,a,b", ...tasks].join("\n")),
      ...["--agent-type", agentType, "--code-type", "kind", "--cost-weight", "0"],
      ...["--arm", "a=a", "--arm", "b=b", "--batch-size", "25"],
    );
    // Four decisions nobody reported on, and one of the kill switch with an outcome.
    const ask = { agentType, codeType: "left" };
    for (let index = 0; index < 4; index += 1) await client.selectVariant(ask);
    await client.setMode({ agentType, mode: Mode.STATIC, reason: "test" });
    const { generationId } = await client.selectVariant(ask);
    const metrics = { outcome: 1 };
    await client.recordOutcome({ generationId, outcome: { case: "custom", value: { metrics } } });
    await client.setMode({ agentType, mode: Mode.LEARNING, reason: "test" });
    await setPolicy("1s");
    await setTimeout(1000);
  });

  it("gives what the statistics give on the rows of the log", async () => {
    const arms = [control, treatment];
    const ratio = new PropensitySampleRatio({ arms });
    const strata = ["left", "right"].map((name) => ({
      name,
      decisions: 0,
      aipw: new Aipw({ arms, control: 0 }),
    }));
    const resultsOf = <Value>(resultOf: (aipw: Aipw) => Result<Value>) =>
      strata.map(({ aipw, ...stratum }) => ({ ...stratum, result: resultOf(aipw) }));
    const equality = new EqualityEProcess({ arms, treatment: 1, control: 0 });
    const log = await loggedDecisions();
    expect(log).toHaveLength(1004);
    for (const { reward, codeType, ...decision } of log) {
      ratio.push(decision);
      const stratum = strata.find(({ name }) => name === codeType) as (typeof strata)[number];
      stratum.decisions += 1;
      if (reward === undefined) continue;
      stratum.aipw.push({ ...decision, reward });
      equality.push({ ...decision, reward });
    }
    const report = await reportOf();
    expect(report).toMatchObject({
      log: agentType,
      shares: "adaptive",
      treatments: [treatment],
      contexts: 2,
      decisions: 1004,
      decisions_not_drawn: 1,
      decisions_without_reward: 4,
      decisions_window_open: 0,
      rewards: "binary",
      sample_ratio: { mismatch: false },
    });
    expect(report.sample_ratio.p_value).toBeCloseTo(accepted(ratio.test()).pValue, 10);
    expect(report.any_time_sample_ratio.p_value).toBeCloseTo(accepted(ratio.sequence()).pValue, 10);
    const [{ difference, equality: evidence }] = report.comparisons;
    const expected = accepted(stratifiedDifference(resultsOf((aipw) => aipw.difference(1))));
    expect(difference.estimate).toBeCloseTo(expected.estimate, 10);
    expect(difference.low).toBeCloseTo(expected.low, 10);
    expect(difference.p_value).toBeCloseTo(expected.pValue, 10);
    const { effectiveSampleSize } = expected.control;
    expect(difference.control_effective_sample_size).toBeCloseTo(effectiveSampleSize, 6);
    const expectedEvidence = accepted(equality.result());
    expect(evidence.log_e_value).toBeCloseTo(expectedEvidence.logEValue, 8);
    expect(evidence.control_rewards).toBe(expectedEvidence.controlN);
    for (const [index, arm] of report.arms.entries()) {
      const value = accepted(stratifiedValue(resultsOf((aipw) => aipw.value(index))));
      expect(arm.served).toBe(log.filter((decision) => decision.arm === index).length);
      expect(arm.value.estimate).toBeCloseTo(value.estimate, 10);
      // What the arm earns in all tasks is known here.
      const truth = index === 0 ? 0.4 : 4 / 7;
      expect(Math.abs(arm.value.estimate - truth)).toBeLessThan(5 * value.standardError);
    }
  });

  it("gives the same from an export of the log as a file", async () => {
    const csv = await site.output("export", "--agent-type", agentType, "--from", "2020-01-01");
    const path = file("export.csv", csv);
    const { stdout } = await banditd(["compare", "--log", path, "--control", control, "--json"]);
    expect(JSON.parse(stdout)).toEqual({ ...(await reportOf()), log: path });
  });

  it("prints tables of at most 100 columns, and what is not in them", async () => {
    const { exitCode, stdout } = await compare();
    expect(exitCode).toBe(0);
    expect(stdout).toContain("Sample ratio by propensities: p = ");
    expect(stdout).toContain("Left out: 4 decisions without a reward.");
    expect(stdout).toContain("Left out: 1 decision that drew no arm");
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });

  it("reads one code type only", async () => {
    const report = await reportOf("--code-type", "left");
    expect(report.decisions).toBe(500 + 4);
  });

  it("compares with tests for fixed shares when told to, and warns that the shares moved", async () => {
    const log = await loggedDecisions();
    const countsOf = (index: number) => {
      const rewards = log.filter(({ arm, reward }) => arm === index && reward !== undefined);
      const successes = rewards.filter(({ reward }) => reward === 1).length;
      return { n: rewards.length, successes };
    };
    const expected = accepted(twoProportionTest({ control: countsOf(0), treatment: countsOf(1) }));
    // The shares it had, so that nothing is the matter with them.
    const shareOfA = log.filter(({ arm }) => arm === 0).length / log.length;
    const ratio = ["--ratio", `${control}=${shareOfA}`, "--ratio", `${treatment}=${1 - shareOfA}`];
    const report = await reportOf("--shares", "fixed", ...ratio);
    expect(report).toMatchObject({ shares: "fixed", propensities_moved: true });
    expect(report.comparisons[0].proportions.p_value).toBeCloseTo(expected.pValue, 12);
    const { stdout } = await compare("--shares", "fixed", ...ratio);
    expect(stdout).toContain("!!! THE SHARES MOVED");
  });

  it("exits with 2 for an arm that was never served, and with 1 where there is nothing", async () => {
    const unknown = await compare("--treatment", "router/ghost@1");
    expect(unknown.exitCode).toBe(2);
    expect(unknown.stderr).toContain(`it has: ${control}, ${treatment}`);
    const before = await compare("--to", "2020-01-02");
    expect(before.exitCode).toBe(1);
    expect(before.stdout).toContain("The log has no decisions that drew an arm.");
  });

  it("counts what nobody reported on as 0, once the attribution window has closed", async () => {
    const closed = await reportOf("--missing", "zero");
    expect(closed).toMatchObject({
      decisions_window_open: 0,
      decisions_without_reward: 4,
      rewards: "binary",
    });
    const [{ equality }] = closed.comparisons;
    expect(equality.treatment_rewards + equality.control_rewards).toBe(1004);
  });

  it("leaves early rewards out while attribution windows are open, and takes them in when asked to", async () => {
    const closed = await reportOf();
    expect(await site.json("compare", "--last", "1d", ...common.slice(2))).toEqual(closed);
    await setPolicy("3600s");
    const open = await compare();
    expect(open.exitCode).toBe(1);
    expect(open.stdout.replaceAll(/\s+/g, " ")).toContain(
      "Left out: 1,004 decisions whose attribution window is still open (--include-open-windows takes",
    );
    expect(open.stderr).toContain("of 1004 of 1004 decisions the attribution window is still open");
    const included = await reportOf("--include-open-windows");
    expect(included).toEqual({
      ...closed,
      open_windows_included: true,
      decisions_window_open: 1004,
    });
  });
});
