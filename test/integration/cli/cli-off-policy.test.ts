import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { openServiceLog } from "../../../src/cli/logs/service-log.ts";
import { simulationPolicy } from "../../../src/cli/simulate/simulated-arms.ts";
import { rowsOf } from "../../../src/cli/text/query-result.ts";
import { AlgorithmSchema, Mode, PolicySchema } from "../../../src/client/index.ts";
import type { ComparedDecision } from "../../../src/statistics/experiments/compared-decision.ts";
import { words } from "../../support/words.ts";
import { banditd, outputOf } from "./cli-process.ts";
import { useService } from "./running-service.ts";

vi.setConfig({ testTimeout: 90_000 });

const site = useService();
const { file } = site;
const reportOf = async (...args: string[]) =>
  JSON.parse(await outputOf(["off-policy", ...args, "--json"]));

/** Arm a is right in six of ten tasks and b in five, of two kinds; what was served is known to the log only. */
const tasks = Array.from({ length: 1200 }, (_, row) => {
  const [a, b] = [row % 10 < 6 ? 1 : 0, row % 7 < 4 ? 1 : 0];
  return `${row % 3 === 0 ? "left" : "right"},${a},${b}`;
});

describe("off-policy on the log of a running service", () => {
  /** Later than every decision. */
  let untilMs: number;
  const from = "2020-01-01";
  const agentType = "router";

  beforeAll(async () => {
    const { client } = site;
    // Thompson sampling may stop serving the worse arm, and then the log says too little; this does not.
    const learning = create(
      PolicySchema,
      simulationPolicy({ costWeight: 0.15, sharedPriorStrengthMax: 0 }),
    );
    learning.algorithm = create(AlgorithmSchema, {
      kind: { case: "epsilonGreedy", value: { epsilon: 0.5 } },
    });
    await client.createAgentType({
      agentType,
      policy: learning,
      variants: ["a", "b"].map((name) => ({ name, promptTemplate: "{{task}}", model: name })),
    });
    await site.output(
      "simulate",
      file("tasks.csv", ["kind,a,b", ...tasks].join("\n")),
      ...["--agent-type", agentType],
      ...words("--code-type kind --arm a=a --arm b=b:0.5 --batch-size 25"),
    );
    const ask = { agentType, codeType: "left" };
    // Three decisions nobody reported on, and two of the kill switch with an outcome.
    for (let index = 0; index < 3; index += 1) await client.selectVariant(ask);
    await client.setMode({ agentType, mode: Mode.STATIC, reason: "test" });
    for (let index = 0; index < 2; index += 1) {
      const { generationId } = await client.selectVariant(ask);
      const metrics = { outcome: 1, arm_cost: 0 };
      await client.recordOutcome({ generationId, outcome: { case: "custom", value: { metrics } } });
    }
    await client.setMode({ agentType, mode: Mode.LEARNING, reason: "test" });
    learning.attributionWindow = durationFromMs(1000);
    await client.setPolicy({ agentType, policy: learning });
    await setTimeout(1000);
    untilMs = Date.now() + 1000;
  });

  /** Candidate a: 0.3, b: 0.7 in left, the other way round in right. */
  const policyOf = (a: string, b: string) => ({
    by: ["code_type"],
    cells: { left: { shares: { [a]: 0.3, [b]: 0.7 } } },
    otherwise: { shares: { [a]: 0.7, [b]: 0.3 } },
  });
  const policy = policyOf("router/a@1", "router/b@1");
  const live = () => ["--from", from, "--agent-type", agentType, ...site.address()];

  it("gives the IPS that its rows give, computed here", async () => {
    const answer = await site.client.query({
      sql:
        "SELECT code_type, variant_id, propensity, reward / reward_weight FROM generation_full " +
        `WHERE agent_type = '${agentType}' AND reward_weight > 0 AND source NOT IN ('static', 'fallback')`,
      rowsMax: 10_000,
      fresh: true,
    });
    const terms = rowsOf(answer).map(([codeType, variant, propensity, reward]) => {
      const share = (variant === "router/a@1") === (codeType === "left") ? 0.3 : 0.7;
      return { weight: share / Number(propensity), reward: Number(reward) };
    });
    expect(terms).toHaveLength(1200);
    const weights = terms.reduce((sum, { weight }) => sum + weight, 0);
    const sum = terms.reduce((total, { weight, reward }) => total + weight * reward, 0);

    const report = await reportOf(...live(), "--policy", file("policy.json", policy));
    expect(report).toMatchObject({
      log: agentType,
      rows: 1200,
      rows_without_reward: 3,
      rows_not_drawn: 2,
      missing: "drop",
      context_columns: ["code_type"],
      diagnostics: { contexts: 2, candidate_arms_served: 2, other_arms: 0, unserved_share: 0 },
    });
    expect(report.estimates.ips.value).toBeCloseTo(sum / 1200, 12);
    expect(report.estimates.snips.value).toBeCloseTo(sum / weights, 12);
    // The plain mean of every arm's true rewards, weighted as the candidate would serve.
    const truth = tasks.reduce((total, task) => {
      const [kind, a, b] = task.split(",");
      const shareOfA = kind === "left" ? 0.3 : 0.7;
      const [rewardA, rewardB] = [0.85 * Number(a) + 0.15, 0.85 * Number(b) + 0.075];
      return total + (shareOfA * rewardA + (1 - shareOfA) * rewardB) / tasks.length;
    }, 0);
    const { dr } = report.estimates;
    expect(Math.abs(dr.value - truth)).toBeLessThan(5 * dr.standard_error);
  });

  it("prints a table of at most 100 columns, and counts what is missing as 0 when asked to", async () => {
    const path = file("policy.json", policy);
    const { exitCode, stdout } = await banditd(["off-policy", ...live(), "--policy", path]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("Left out: 3 rows without a reward.");
    expect(stdout).toContain("Left out: 2 rows that drew no arm");
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
    const zero = await reportOf(...live(), "--policy", path, "--missing", "zero");
    expect(zero).toMatchObject({ rows: 1203, rows_without_reward: 3, missing: "zero" });
  });

  it("reads one code type, or a span of time, or all arms alike", async () => {
    const uniform = file("uniform.json", { uniform: true });
    const left = await reportOf(...live(), "--policy", uniform, "--code-type", "left");
    expect(left).toMatchObject({
      rows: 400,
      diagnostics: { contexts: 1, candidate_arms_served: 2 },
    });
    const before = await banditd([
      ...["off-policy", ...live(), "--policy", uniform],
      ...["--to", "2020-01-02", "--json"],
    ]);
    expect(before.exitCode).toBe(1);
    expect(JSON.parse(before.stdout)).toMatchObject({
      rows: 0,
      estimates: { ips: { value: null, refusal: { reason: "empty" } } },
    });
  });

  it("exits with 1 and the names when the policy serves what the log never served", async () => {
    const path = file("ghost.json", { shares: { "router/ghost@1": 0.5, "router/a@1": 0.5 } });
    const { exitCode, stdout, stderr } = await banditd(["off-policy", ...live(), "--policy", path]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain("never served");
    expect(stdout).toContain("router/ghost@1 (unknown_arm)");
    expect(stderr).toContain("the log does not say");
  });

  it("gives the same from an export of the log as a file", async () => {
    const csv = await site.output("export", "--from", from, "--agent-type", agentType);
    // Titles, and every decision once, those that drew no arm too.
    expect(new Set(csv.trimEnd().split("\r\n")).size).toBe(1 + 1205);
    const path = file("policy.json", policy);
    const fromFile = await reportOf("--log", file("export.csv", csv), "--policy", path);
    const fromService = await reportOf(...live(), "--policy", path);
    expect(fromFile).toEqual({ ...fromService, log: join(site.directory, "export.csv") });
  });

  it("refuses a context that events do not have", async () => {
    const path = file("hour.json", { by: ["hour"], cells: { 1: { uniform: true } } });
    const { exitCode, stderr } = await banditd(["off-policy", ...live(), "--policy", path]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('there is no context column "hour" in a service\'s log');
  });

  describe("its pages", () => {
    async function rowsBy(options: {
      readonly pageRows?: number;
      readonly answerRows?: number;
      readonly wanted?: number;
    }): Promise<readonly ComparedDecision[]> {
      const { answerRows, wanted = Number.POSITIVE_INFINITY } = options;
      const { client } = site;
      const rows: ComparedDecision[] = [];
      const source = openServiceLog({
        client:
          answerRows === undefined
            ? client
            : {
                ...client,
                query: (ask, call) => client.query({ ...ask, rowsMax: answerRows }, call),
              },
        agentType,
        codeType: undefined,
        nowMs: untilMs,
        contextColumns: undefined,
        forComparison: false,
        fromMs: Date.parse(from),
        toMs: untilMs,
        policyColumns: [],
        onProgress: () => undefined,
        ...(options.pageRows === undefined ? {} : { pageRows: options.pageRows }),
      });
      for await (const decision of source.read({ notDrawn: 0 })) {
        if (rows.push(decision) >= wanted) break;
      }
      return rows;
    }

    it("give every row once, in the same order, whatever their size", async () => {
      const all = await rowsBy({});
      expect(all).toHaveLength(1203);
      expect(all.filter(({ reward }) => reward !== undefined)).toHaveLength(1200);
      expect(await rowsBy({ pageRows: 177 })).toEqual(all);
      // 400 of left and the five others fit exactly, or miss by one.
      expect(await rowsBy({ pageRows: 405 })).toEqual(all);
      expect(await rowsBy({ pageRows: 404 })).toEqual(all);
    });

    it("go on where an answer ended early", async () => {
      expect(await rowsBy({ pageRows: 600, answerRows: 250 })).toEqual(await rowsBy({}));
    });

    it("end when nobody wants more", async () => {
      expect(await rowsBy({ pageRows: 50, wanted: 120 })).toHaveLength(120);
    });
  });
});
