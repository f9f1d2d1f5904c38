import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { words } from "../../support/words.ts";
import { banditd } from "./cli-process.ts";

/** Real outcomes of two models; beside the checkout, not part of it. */
const realOutcomes = join(
  import.meta.dirname,
  "../../../../shared/data/routellm/mmlu-outcomes.csv",
);

// Each test starts a service of its own, which takes seconds where the machine is busy.
vi.setConfig({ testTimeout: 90_000 });

const directory = temporaryDirectory();

async function simulationJson(...args: string[]) {
  const { exitCode, stdout, stderr } = await banditd(["simulate", ...args, "--json"]);
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout);
}

describe("a simulation on a service of its own", () => {
  it("finds the best arm of every code type, the same way for the same seed", async () => {
    const file = join(directory, "table.csv");
    // In "left" arm a is right nine times of ten and b one, in "right" the other way round.
    const rows = Array.from({ length: 400 }, (_, row) => {
      const often = row % 20 < 18 ? 1 : 0;
      return row % 2 === 0 ? `left,${often},${1 - often}` : `right,${1 - often},${often}`;
    });
    writeFileSync(file, ["kind,a,b", ...rows].join("\n"));
    const args = [
      file,
      ...words("--agent-type t --code-type kind --arm a=a --arm b=b:0.5"),
      ...words("--cost-weight 0.1 --passes 3"),
    ];
    const [one, same, other] = await Promise.all([
      simulationJson(...args, "--seed", "5"),
      simulationJson(...args, "--seed", "5"),
      simulationJson(...args, "--seed", "6"),
    ]);
    expect({ ...same, seconds: 0 }).toEqual({ ...one, seconds: 0 });
    expect(other.mean_reward).not.toBe(one.mean_reward);
    // Reward of a: 0.9·0.9 + 0.1 = 0.91 in left, 0.9·0.1 + 0.1 = 0.19 in right; of b 0.14 and 0.86.
    expect(one.uniform).toBeCloseTo((0.91 + 0.19 + 0.14 + 0.86) / 4, 9);
    expect(one.best_fixed).toBeCloseTo((0.91 + 0.19) / 2, 9);
    expect(one.best_fixed_arm).toBe("a");
    expect(one.oracle).toBeCloseTo((0.91 + 0.86) / 2, 9);
    expect(one).toMatchObject({ rows: 400, passes: 3, outcomes: { applied: 1200 } });
    expect(one.last_pass_mean_reward).toBeGreaterThan(one.oracle - 0.01);
    for (const { code_type: codeType, shares, best_arm: best } of one.code_types) {
      expect(best).toBe(codeType === "left" ? "a" : "b");
      expect(shares[best]).toBeGreaterThan(0.99);
    }
  });

  it("weighs cost as told: with all the weight on it the free arm wins", async () => {
    const file = join(directory, "cost.csv");
    writeFileSync(file, ["kind,a,b", ...Array.from({ length: 200 }, () => "k,1,0")].join("\n"));
    const report = await simulationJson(
      file,
      ...words("--agent-type t --code-type kind --arm a=a:1 --arm b=b:0 --cost-weight 1"),
    );
    expect(report).toMatchObject({ uniform: 0.5, best_fixed: 1, best_fixed_arm: "b", oracle: 1 });
    expect(report.code_types[0].shares.b).toBeGreaterThan(0.99);
  });

  if (existsSync(realOutcomes)) {
    it("beats choosing at random on real outcomes by 0.012, and by 0.018 in the last pass", async () => {
      const report = await simulationJson(
        realOutcomes,
        ...words("--agent-type router --code-type subject --arm mixtral=mixtral_8x7b_correct:0"),
        ...words("--arm gpt-4=gpt_4_1106_correct:1 --limit 1500 --passes 3"),
      );
      expect(report.rows).toBe(1500);
      expect(report.mean_reward).toBeGreaterThan(report.uniform + 0.012);
      expect(report.last_pass_mean_reward).toBeGreaterThan(report.uniform + 0.018);
      expect(report.mean_reward).toBeLessThan(report.oracle);
    });
  }
});
