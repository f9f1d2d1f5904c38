import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CsvLogOptions } from "../../../../src/cli/logs/csv-layout.ts";
import { openCsvLog } from "../../../../src/cli/logs/csv-log.ts";
import type { DecisionLog } from "../../../../src/cli/logs/decision-log.ts";
import type { ComparedDecision } from "../../../../src/statistics/experiments/compared-decision.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const directory = temporaryDirectory();

const asked = {
  actionColumn: undefined,
  rewardColumn: undefined,
  propensityColumn: undefined,
  forComparison: false,
  covariateColumn: undefined,
  contextColumns: undefined,
  usualContextColumns: ["code_type", "position"],
  contextOption: "--context-columns",
  policyColumns: [],
  onProgress: () => undefined,
};

function open(content: string, options: Partial<CsvLogOptions> = {}) {
  const file = join(directory, "log.csv");
  writeFileSync(file, content);
  return openCsvLog({ ...asked, file, ...options });
}

async function rowsOf(source: DecisionLog, leftOut = { notDrawn: 0 }) {
  const rows: ComparedDecision[] = [];
  for await (const row of source.read(leftOut)) rows.push(row);
  return rows;
}

async function read(content: string, options: Partial<CsvLogOptions> = {}) {
  const source = await open(content, options);
  const leftOut = { notDrawn: 0 };
  return { source, rows: await rowsOf(source, leftOut), ...leftOut };
}

const own = "variant_id,code_type,propensity,reward,reward_weight,source,degraded\n";
const twoContexts = { contextColumns: ["code_type", "source"] };

describe("a CSV log", () => {
  it("of banditd's own events: the reward of the parts that are known, code type as context", async () => {
    const { source, rows } = await read(
      `${own}t/a@1,py,0.5,0.3,0.6,exploit,0\nt/b@1,ts,0.25,0,1,explore,0\n`,
    );
    expect(source.contextColumns).toEqual(["code_type"]);
    expect(rows).toEqual([
      { context: "py", arm: "t/a@1", propensity: 0.5, reward: 0.5, windowIsOpen: false },
      { context: "ts", arm: "t/b@1", propensity: 0.25, reward: 0, windowIsOpen: false },
    ]);
  });

  it("leaves out decisions that drew no arm", async () => {
    const { rows, notDrawn } = await read(
      `${own}a,x,1,1,1,static,0\na,x,1,1,1,fallback,0\na,x,0.5,1,1,exploit,1\na,x,0.5,1,1,holdout,0\n`,
    );
    expect(rows).toHaveLength(1);
    expect(notDrawn).toBe(3);
  });

  it("hands out rows without a reward: an empty cell, or no part of it known", async () => {
    const content = `${own}a,x,0.5,,0,exploit,0\na,x,0.5,0,0,exploit,0\nb,x,0.5,1,1,exploit,0\n`;
    const { rows } = await read(content);
    expect(rows.map(({ reward }) => reward)).toEqual([undefined, undefined, 1]);
  });

  it("of the Open Bandit Dataset: item, click and propensity_score, position as context", async () => {
    const { source, rows } = await read(
      "timestamp,item_id,position,click,propensity_score,user_feature_0\nt,14,3,0,0.03,u\n",
    );
    expect(source.contextColumns).toEqual(["position"]);
    expect(rows).toMatchObject([{ context: "3", arm: "14", propensity: 0.03, reward: 0 }]);
  });

  it("takes any columns by name, and those the policy goes by", async () => {
    const { source, rows } = await read("k,p,y,kind,size\na,0.5,2.5,x,7\n", {
      actionColumn: "k",
      rewardColumn: "y",
      propensityColumn: "p",
      contextColumns: ["size"],
      policyColumns: ["kind", "size"],
    });
    expect(source.contextColumns).toEqual(["size", "kind"]);
    expect(rows).toMatchObject([{ context: "7,x", arm: "a", propensity: 0.5, reward: 2.5 }]);
  });

  it("can have no context at all", async () => {
    const { rows } = await read(`${own}a,x,0.5,1,1,exploit,0\n`, { contextColumns: [] });
    expect(rows[0]?.context).toBe("");
  });

  it("has no open windows, unless it is said how long outcomes count: then reckoned from its last decision", async () => {
    const times = ["10:00:00", "12:00:00.001", "13:00:00", "11:59:59"];
    const lines = times.map((time) => `a,0.5,1,2026-11-23 ${time}\n`);
    const content = `variant_id,propensity,reward,decided_at\n${lines.join("")}`;
    const openOnes = async (options?: Partial<CsvLogOptions>) =>
      (await read(content, options)).rows.map(({ windowIsOpen }) => windowIsOpen);
    expect(await openOnes()).toEqual([false, false, false, false]);
    expect(await openOnes({ attributionWindowMs: 3_600_000 })).toEqual([false, true, true, false]);
  });

  it("lists the arms that were drawn, rewarded or not, and can be read again", async () => {
    const source = await open(
      `${own}b,x,0.5,,0,exploit,0\na,x,0.5,1,1,exploit,0\nb,x,0.5,1,1,exploit,0\nz,x,1,1,1,static,0\n`,
    );
    expect(await source.listArms()).toEqual(["a", "b"]);
    expect(await rowsOf(source)).toHaveLength(3);
    expect(await rowsOf(source)).toHaveLength(3);
  });

  it("stops when nobody wants more", async () => {
    const source = await open(`${own}${"a,x,0.5,1,1,exploit,0\n".repeat(5000)}`);
    let taken = 0;
    for await (const _ of source.read({ notDrawn: 0 })) {
      taken += 1;
      if (taken === 3) break;
    }
    expect(taken).toBe(3);
  });

  it.each<[string, Partial<CsvLogOptions>, string]>([
    ["", {}, "is empty"],
    ["reward,propensity", {}, "--action-column is needed: there is no column variant_id"],
    ["item_id,propensity", {}, "--reward-column is needed"],
    ["item_id,click", {}, "--propensity-column is needed"],
    [own, { rewardColumn: "gain" }, '--reward-column: there is no column "gain"; '],
    [own, { rewardColumn: "Reward" }, 'there is no column "Reward", did you mean "reward"?'],
    [own, { contextColumns: ["hour"] }, '--context-columns: there is no column "hour"'],
    [own, { policyColumns: ["hour"] }, 'by of the policy: there is no column "hour"'],
    [`${own}a,x,0.5,good,1,exploit,0`, {}, 'line 2: column "reward" holds "good"'],
    [`${own}a,x,,1,1,exploit,0`, {}, 'line 2: column "propensity" holds ""'],
    [`${own}a,"x,y",0.5,1,1,exploit,0`, twoContexts, 'column "code_type" holds "x,y"'],
  ])("is refused that is %j, asked for %o: %s", async (content, options, message) => {
    await expect(read(content === "" ? "" : `${content}\n`, options)).rejects.toThrow(message);
  });
});
