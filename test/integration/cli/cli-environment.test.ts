import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { outputOf, type Served, serve } from "./cli-process.ts";

/** Nothing that the service answers may follow from the process it runs in. */
const environment = {
  TZ: "America/New_York",
  LANG: "tr_TR.UTF-8",
  LC_ALL: "de_DE.UTF-8",
  LC_NUMERIC: "de_DE.UTF-8",
};
const cwd = temporaryDirectory();
let served: Served;

beforeAll(async () => {
  served = await serve(["--data-dir", "data"], { environment, cwd });
});
afterAll(() => served.stop());

async function call<Answer>(method: string, request: object): Promise<Answer> {
  const response = await fetch(`${served.httpUrl}/bandit.v1.${method}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

/** By a command line in the same odd place. */
const output = (...args: string[]) =>
  outputOf([...args, "--json", "--address", served.grpcAddress], { environment, cwd });
const query = async (sql: string): Promise<unknown[]> =>
  Object.values(JSON.parse(await output("query", sql)).rows[0]);

describe("in New York, Turkish and German, in another directory, the service", () => {
  it("answers queries in UTC", async () => {
    const from = new Date(Date.now() - 60_000).toISOString().slice(0, 19).replace("T", " ");
    const generationIds: string[] = [];
    for (let index = 0; index < 3; index += 1) {
      const { generationId } = await call<{ generationId: string }>(
        "DecisionService/SelectVariant",
        { agentType: "evolution", codeType: "python_class" },
      );
      generationIds.push(generationId);
    }
    expect(
      await query(
        `SELECT toInt32(countIf(decided_at >= toDateTime('${from}'))), toInt32(countIf(decided_at <= now64(3))) FROM decisions`,
      ),
    ).toEqual([3, 3]);
    expect(
      await query(
        "SELECT toString(toDateTime(0)), toString(toDate(toDateTime(3600))), timezone(), toString(1234.5)",
      ),
    ).toEqual(["1970-01-01 00:00:00", "1970-01-01", "UTC", "1234.5"]);
    const stdout = await output("explain", generationIds[0] as string);
    const today = new Date().toISOString().slice(0, 13);
    expect(stdout).toContain(`"${today}`);
    expect(stdout).toMatch(/T\d\d:\d\d:\d\d(\.\d+)?Z"/);
  });

  it("writes numbers and times as everywhere", async () => {
    const { agentTypes } = await call<{ agentTypes: { createdAt: string }[] }>(
      "CatalogService/ListAgentTypes",
      {},
    );
    expect(agentTypes[0]?.createdAt).toMatch(/Z$/);
    expect(Math.abs(Date.parse(agentTypes[0]?.createdAt ?? "") - Date.now())).toBeLessThan(600_000);
    const metrics = await (await fetch(`${served.httpUrl}/metrics`)).text();
    expect(metrics).toMatch(/^bandit_ready 1$/m);
    expect(metrics).not.toMatch(/^\w+(\{.*\})? \d+,\d/m);
  });
});
