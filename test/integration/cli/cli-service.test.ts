import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { UserActionKind } from "../../../src/client/index.ts";
import { words } from "../../support/words.ts";
import { banditd, outputOf, serve } from "./cli-process.ts";
import { useService } from "./running-service.ts";

vi.setConfig({ testTimeout: 90_000 });

const site = useService();
const { run, json } = site;
let generationId: string;

beforeAll(async () => {
  const { client } = site;
  const decision = await client.selectVariant({ agentType: "evolution", codeType: "python_class" });
  generationId = decision.generationId;
  await client.recordGeneration({ generationId, model: "example", costUsd: 0.02 });
  await client.recordOutcome({
    generationId,
    outcome: { case: "testRun", value: { passed: 9, failed: 1 } },
  });
  await client.recordOutcome({
    generationId,
    outcome: { case: "action", value: { kind: UserActionKind.ACCEPTED } },
  });
});

/** What learns from the history that a test has written. */
const simulation = () => [
  "simulate",
  join(site.directory, "history.csv"),
  ...words("--agent-type warm --code-type kind --arm good=good --arm bad=bad"),
];

describe("the command line with a service", () => {
  it("prints where everything is, and the first request it suggests works as printed", async () => {
    const stdout = site.served.stdout();
    for (const text of [site.dataDir, "SQLite", "PGlite", "chDB"]) expect(stdout).toContain(text);
    const body = /-d '([^']+)'/.exec(stdout)?.[1] as string;
    const url = /(http\S+SelectVariant)/.exec(stdout)?.[1] as string;
    const headers = { "content-type": "application/json" };
    const answer = await fetch(url, { method: "POST", headers, body });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ variant: { promptTemplate: expect.any(String) } });
  });

  it("explains a generation with its draw, run, outcomes and reward", async () => {
    const stdout = await site.output("explain", generationId);
    const texts = [generationId, "propensity  0.333333", "test_run", "user_action", "Reward "];
    for (const text of texts) expect(stdout).toContain(text);
    const explained = await json("explain", generationId);
    expect(explained).toMatchObject({
      consistent: true,
      decision: { generation_id: generationId },
    });
    expect(explained.outcomes).toHaveLength(2);
  });

  it("exits with 3 for a generation nobody knows and 2 for what is no id", async () => {
    expect((await run("explain", "019a1b2c-3d4e-7f50-8a6b-7c8d9e0f1a2b")).exitCode).toBe(3);
    expect((await run("explain", "nonsense")).exitCode).toBe(2);
  });

  it("answers SQL as table, CSV and JSON, with events acknowledged a moment ago", async () => {
    const sql = "SELECT count() AS n, 'a,b' AS t, NULL AS nothing FROM outcomes";
    expect((await run("query", sql)).stdout).toMatch(/^n +t +nothing\n.*\n2 +a,b +–\n1 row\n$/);
    expect((await run("query", sql, "--csv")).stdout).toBe('n,t,nothing\r\n2,"a,b",\r\n');
    const { rows } = await json("query", sql);
    expect(Number(rows[0].n)).toBe(2);
    const piped = { input: "SELECT 5 AS five" };
    const csv = await outputOf(["query", "-", "--csv", ...site.address()], piped);
    expect(csv).toBe("five\r\n5\r\n");
  });

  it("says when there are more rows than shown, and refuses what is no query", async () => {
    const more = await run("query", "SELECT number FROM numbers(5)", "--rows", "2");
    expect(more.stderr).toContain("only the first 2 rows");
    expect((await run("query", "DROP TABLE decisions")).exitCode).toBe(2);
    expect((await run("query", "SELECT nothing_of_that_name")).exitCode).toBe(2);
  });

  it("takes a variant from draft to retired", async () => {
    const file = site.file("prompt.txt", "Test {{source_code}} briefly.");
    const common = ["--agent-type", "evolution", "--name", "brief", "--template-file", file];
    const dry = await run("variants", "create", ...common, "--dry-run");
    expect(dry.stdout).toBe("evolution/brief@1 would be created (draft)\n");
    const created = await json("variants", "create", ...common, "--temperature", "0.4");
    expect(created).toMatchObject({
      variant_id: "evolution/brief@1",
      prompt_template: "Test {{source_code}} briefly.",
      temperature: 0.4,
    });
    expect((await run("variants", "promote", "evolution/brief@1")).stdout).toContain("(active)");
    const active = await json(...words("variants list --agent-type evolution --status active"));
    expect(active).toHaveLength(4);
    expect((await run("variants", "retire", "evolution/brief@1")).stdout).toContain("(retired)");
    const again = await run("variants", "promote", "evolution/brief@1");
    expect(again.exitCode).toBe(1);
    expect(again.stderr).toContain("retired");
    expect((await run("variants", "retire", "evolution/none@1")).exitCode).toBe(3);
  });

  it("shows and sets the mode", async () => {
    const before = await json("mode");
    expect(before.service_mode).toBe("learning");
    const one = await json("mode", "frozen", "--agent-type", "analysis", "--reason", "test");
    expect(one.agent_types).toEqual([{ agent_type: "analysis", mode: "frozen" }]);
    await run("mode", "learning", "--agent-type", "analysis");
    expect((await run("mode", "static", "--agent-type", "nobody")).exitCode).toBe(3);
  });

  it("simulates through the service, which keeps what it learned", async () => {
    const rows = Array.from(
      { length: 200 },
      (_, row) => `${row % 2 ? "x" : "y"},1,${row % 3 ? 0 : 1},0.5`,
    );
    const file = site.file("history.csv", ["kind,good,bad,ugly", ...rows].join("\n"));
    const first = await json(...simulation());
    const second = await json(...simulation());
    expect(first.outcomes).toEqual({ applied: 200 });
    // The second run starts with what the first one learned, and its ids are its own.
    expect(second.outcomes).toEqual({ applied: 200 });
    expect(second.mean_reward).toBeGreaterThan(0.98);
    const stranger = await run(...simulation(), "--arm", "ugly=ugly");
    expect(stranger).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("ugly") });
    const other = await run(
      "simulate",
      file,
      ...words("--agent-type evolution --code-type kind"),
      ...words("--arm baseline-direct=good --arm spec-then-tests=bad"),
    );
    expect(other).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("does not learn") });
  });

  it("keeps a second process off the data directory", async () => {
    const { exitCode, stderr } = await banditd(["mode", "--data-dir", site.dataDir]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("pass --address");
  });

  it("stops on a signal with 0, and everything is there for the next one", async () => {
    expect(await site.served.stop("SIGINT")).toBe(0);
    const { dataDir } = site;
    const explained = await banditd(["explain", generationId, "--data-dir", dataDir]);
    expect(explained).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("Reward ") });
    const status = await banditd(["migrate", "--status", "--data-dir", dataDir, "--json"]);
    expect(status.exitCode).toBe(0);
    const { migrations } = JSON.parse(status.stdout);
    expect(migrations.length).toBeGreaterThan(2);
    for (const migration of migrations) expect(migration.applied_at).toMatch(/^20/);
    site.served = await serve(["--data-dir", dataDir]);
    expect((await json(...simulation())).mean_reward).toBeGreaterThan(0.98);
  });

  it("warms up a data directory that is not there yet, and seeds it as serve would", async () => {
    const dataDir = join(site.directory, "warm");
    expect((await banditd([...simulation(), "--data-dir", dataDir])).exitCode).toBe(0);
    const { stdout } = await banditd(["mode", "--json", "--data-dir", dataDir]);
    const names = JSON.parse(stdout).agent_types.map(
      (entry: { agent_type: string }) => entry.agent_type,
    );
    expect(names).toEqual(expect.arrayContaining(["warm", "evolution", "reporting"]));
  });
});
