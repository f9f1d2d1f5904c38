import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseArmOption } from "../../../../src/cli/simulate/arm-option.ts";
import { readOutcomeTable } from "../../../../src/cli/simulate/outcome-table.ts";
import { referenceRewards } from "../../../../src/cli/simulate/reward.ts";
import { parseCodeType } from "../../../../src/domain/ids.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

const directory = temporaryDirectory();

const arms = [parseArmOption("small=small_ok:0"), parseArmOption("large=large_ok:1")];

function read(content: string, limit?: number) {
  const file = join(directory, "table.csv");
  writeFileSync(file, content);
  return readOutcomeTable({
    file,
    codeTypeColumn: "subject",
    arms,
    ...(limit === undefined ? {} : { limit }),
  });
}

const four =
  'subject,note,small_ok,large_ok\nlaw,"a, ""b""\nc",1,1\nlaw,,0,1\nart,,1,0\nart,,1,0.5\n';

describe("the table a simulation reads", () => {
  it("keeps the outcomes of every arm, whatever is in the other columns", async () => {
    const table = await read(four);
    expect(table.rowCount).toBe(4);
    expect(table.codeTypes).toEqual(["law", "art"]);
    expect([0, 1, 2, 3].map((row) => table.codeTypeOf(row))).toEqual([0, 0, 1, 1]);
    expect([0, 1, 2, 3].map((row) => table.outcomeOf(row, 0))).toEqual([1, 0, 1, 1]);
    expect([0, 1, 2, 3].map((row) => table.outcomeOf(row, 1))).toEqual([1, 1, 0, 0.5]);
  });

  it("reads no more rows than the limit, with or without a byte order mark", async () => {
    const table = await read(`\uFEFF${four}`, 3);
    expect(table.rowCount).toBe(3);
  });

  it("turns any label into one the service accepts, and counts how many it changed", async () => {
    const table = await read(
      `subject,small_ok,large_ok\nabstract algebra,1,0\n(x) é,1,0\n${"y".repeat(80)},1,0\nok,1,0\nabstract algebra,1,0\n`,
    );
    for (const label of table.codeTypes) expect(parseCodeType(label)).toBe(label);
    expect(table.codeTypes).toEqual([
      "abstract_algebra",
      "x-5c347c2b",
      `${"y".repeat(55)}-e8730587`,
      "ok",
    ]);
    expect(table.relabelledRows).toBe(4);
  });

  it.each([
    ["a b", "a_b"],
    ["a_b", "a  b"],
  ])("refuses two code types that would become one, and names both: %s and %s", async (...pair) => {
    const rows = pair.map((text) => `${text},1,0\n`).join("");
    await expect(read(`subject,small_ok,large_ok\n${rows}`)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(
        new RegExp(`line 3: column "subject" holds "${pair[1]}", .* and so does "${pair[0]}"`),
      ),
    });
  });

  it.each([
    ["", "is empty"],
    ["subject,small_ok,large_ok\n", "no rows"],
    ["topic,small_ok,large_ok\nlaw,1,0\n", '--code-type: there is no column "subject"'],
    ["subject,small_ok\nlaw,1\n", 'no column "large_ok"'],
    ["subject,small_ok,large_ok\nlaw,1,0\nlaw,yes,0\n", 'line 3: column "small_ok" holds "yes"'],
    ["subject,small_ok,large_ok\nlaw,1,1.01\n", 'line 2: column "large_ok" holds "1.01"'],
  ])("refuses %j", async (content, reason) => {
    await expect(read(content)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(reason),
    });
  });
});

describe("the rewards a simulation is compared with", () => {
  it("are those worked out by hand", async () => {
    // W = 0.2: small earns 0.8·outcome + 0.2, large 0.8·outcome.
    // law: small (1.0 + 0.2)/2 = 0.6, large (0.8 + 0.8)/2 = 0.8. art: small 1.0, large (0 + 0.4)/2 = 0.2.
    const rewards = referenceRewards(await read(four), arms, 0.2);
    expect(rewards.bestFixed.arm).toBe("small");
    expect(rewards.bestFixed.reward).toBeCloseTo(0.8, 12);
    expect(rewards.uniform).toBeCloseTo((0.8 + 0.5) / 2, 12);
    expect(rewards.oracle).toBeCloseTo((0.8 + 1.0) / 2, 12);
    expect(rewards.byCodeType.map((entry) => [entry.codeType, entry.rows, entry.bestArm])).toEqual([
      ["law", 2, "large"],
      ["art", 2, "small"],
    ]);
    expect(rewards.byCodeType[0]?.rewards[0]).toBeCloseTo(0.6, 12);
    expect(rewards.byCodeType[0]?.rewards[1]).toBeCloseTo(0.8, 12);
  });
});
