import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type ClickHouseFront, startClickHouseFront } from "../../support/clickhouse-front.ts";
import { useService } from "./running-service.ts";

vi.setConfig({ testTimeout: 90_000 });

let front: ClickHouseFront;
const ids: string[] = [];

beforeAll(async () => {
  front = await startClickHouseFront();
});
afterAll(() => front.stop());
const site = useService(() => ({ CLICKHOUSE_URL: `${front.url}/bandit` }));
beforeAll(async () => {
  const { client } = site;
  await front.command(
    "ALTER TABLE bandit.outcomes ADD CONSTRAINT polite CHECK comment NOT LIKE 'rude%'",
  );
  for (const comment of ["fine", "rude 1", "good", "rude 2", "rude 3", "well"]) {
    const { generationId } = await client.selectVariant({ agentType: "evolution", codeType: "c" });
    const value = { overall: 4, comment };
    await client.recordOutcome({ generationId, outcome: { case: "rating", value } });
  }
  await client.query({ sql: "SELECT 1", fresh: true });
});

const run = (...args: string[]) => site.run("dead-letters", ...args);
async function comments(): Promise<string[]> {
  const sql = "SELECT comment FROM bandit.outcomes ORDER BY comment";
  return (await front.query<{ comment: string }>(sql)).map(({ comment }) => comment);
}

describe("banditd dead-letters", () => {
  it("lists what the event log refused, the rest went in", async () => {
    expect(await comments()).toEqual(["fine", "good", "well"]);
    const lines = (await site.output("dead-letters", "list")).trimEnd().split("\n");
    expect(lines[0]).toMatch(/^id +kind +tries +refused \(UTC\) +error$/);
    expect(lines).toHaveLength(5);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(100);
    expect(lines[2]).toMatch(/^[0-9a-f]{12} {2}outcomes +1 .*Constraint `polite`/);
    const { total, dead_letters: letters } = JSON.parse((await run("list", "--json")).stdout);
    expect(total).toBe(3);
    ids.push(...letters.map((letter: { dead_letter_id: string }) => letter.dead_letter_id));
    expect(await site.hasMetric("bandit_dead_letters 3")).toBe(true);
  });

  it("says how many more there are, and when there are none of a kind", async () => {
    expect(await run("list", "--limit", "2")).toMatchObject({
      exitCode: 0,
      stderr: "only the first 2 are shown, of 3 of every kind; --limit shows more\n",
    });
    expect((await run("list", "--kind", "decisions")).stdout).toBe(
      "no dead letters of this kind\n",
    );
  });

  it("shows one by the beginning of its id, with content and error", async () => {
    const text = await run("show", (ids[0] as string).slice(0, 8));
    expect(text.exitCode).toBe(0);
    expect(text.stdout).toContain(`id       ${ids[0]}`);
    expect(text.stdout).toMatch(/"comment": "rude \d"/);
    const json = JSON.parse((await run("show", ids[0] as string, "--json")).stdout);
    expect(json).toMatchObject({
      dead_letter_id: ids[0],
      kind: "outcomes",
      attempts: 1,
      content: { source: "user_rating", comment: expect.stringContaining("rude") },
    });
  });

  it.each([
    ["show", ["abc"], 2, "6 to 32 hexadecimal digits"],
    ["show", ["0".repeat(33)], 2, "more than 32 digits"],
    ["show", ["fffffff000"], 3, "no dead letter's id begins with fffffff000"],
    ["show", ["0".repeat(32)], 3, "no dead letter 0000"],
    ["return", [], 2, "give the ids of dead letters, or --all"],
    ["return", ["--all", "fffffff000"], 2, "either ids or --all"],
    ["return", ["fffffff000", "--kind", "outcomes"], 2, "--kind goes with --all"],
    ["return", ["0".repeat(32)], 3, "no dead letter 0000"],
    ["drop", ["--all"], 2, "3 dead letters would be dropped"],
    ["list", ["--kind", "other"], 2, "Allowed choices"],
  ])("%s %j exits with %i", async (command, args, exitCode, message) => {
    const finished = await run(command, ...args);
    expect(finished.exitCode).toBe(exitCode);
    expect(finished.stderr).toContain(message);
  });

  it("returns: refused once more exits with 1 and counts, in order after the cause is gone", async () => {
    const again = await run("return", (ids[0] as string).slice(0, 6));
    expect(again).toMatchObject({
      exitCode: 1,
      stderr: "banditd: 1 dead letter refused once more\n",
    });
    expect(again.stdout).toMatch(
      /^0 dead letters returned\n\nid .*\n.*\n[0-9a-f]{12} +outcomes +2 /,
    );
    await front.command("ALTER TABLE bandit.outcomes DROP CONSTRAINT polite");
    expect(await run("return", ids[0] as string)).toMatchObject({
      exitCode: 0,
      stdout: "1 dead letter returned\n",
    });
    expect((await comments()).filter((comment) => comment.startsWith("rude"))).toHaveLength(1);
  });

  it("drops only with --yes, and keeps the content in the table", async () => {
    expect((await run("drop", ids[1] as string)).exitCode).toBe(2);
    expect(await run("drop", ids[1] as string, "--yes")).toMatchObject({
      exitCode: 0,
      stdout: "1 dead letter dropped\n",
    });
    expect((await run("drop", ids[1] as string, "--yes")).exitCode).toBe(3);
    const rows = await front.query<{ status: string; content: string }>(
      `SELECT status, content FROM bandit.dead_letters FINAL WHERE dead_letter_id = '${ids[1]}'`,
    );
    expect(rows).toMatchObject([{ status: "dropped", content: expect.stringContaining("rude") }]);
  });

  it("returns all that are left, of a kind, and then there are none", async () => {
    expect((await run("return", "--all", "--kind", "generations")).stdout).toBe(
      "0 dead letters returned\n",
    );
    expect((await run("return", "--all", "--json")).stdout).toBe(
      `${JSON.stringify({ returned: 1, refused: [] }, undefined, 2)}\n`,
    );
    expect((await run("list")).stdout).toBe("no dead letters\n");
    for (const yes of [[], ["--yes"]]) {
      expect(await run("drop", "--all", ...yes)).toMatchObject({
        ...{ exitCode: 0, stdout: "there are no dead letters to drop\n" },
      });
    }
    expect(await comments()).toHaveLength(5);
    expect(await site.hasMetric("bandit_dead_letters 0")).toBe(true);
  });
});
