import { beforeAll, expect, test } from "vitest";
import { useServed } from "../../support/use-site.ts";

const served = useServed();
let baseUrl: string;
beforeAll(() => {
  baseUrl = served.running.httpUrl;
});

const made = 2_000;
const rounds = 100;
/** Few enough that a busy machine refuses none of them. */
const inFlight = 20;

/** Names and labels on /metrics, without their values. */
async function series(): Promise<Set<string>> {
  const page = await (await fetch(`${baseUrl}/metrics`)).text();
  return new Set(
    page
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => line.slice(0, line.lastIndexOf(" "))),
  );
}

async function post(rpc: string, body: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`${baseUrl}/bandit.v1.${rpc}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return (await response.json()) as Record<string, unknown>;
}

/** Calls `work` for 0 … `times` − 1, some at once. */
async function repeat(times: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < times) {
      next += 1;
      await work(next);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

/** One of each thing that callers may do, right and wrong, with labels that `tag` makes. */
async function everything(tag: string): Promise<void> {
  const decision = await post("DecisionService/SelectVariant", {
    agentType: "evolution",
    codeType: `code_${tag}`,
    agentId: `agent ${tag}`,
    conversationId: `conversation ${tag}`,
    features: { [`feature ${tag}`]: 1 },
  });
  const generationId = decision["generationId"];
  expect(generationId).toMatch(/^[0-9a-f-]{36}$/);
  await post("DecisionService/RecordGeneration", { generationId, model: `model ${tag}` });
  await post("DecisionService/RecordOutcome", {
    generationId,
    outcomeId: `outcome-${tag}`,
    custom: { metrics: { [`metric_${tag}`]: 0.5 } },
  });
  // What is refused: unknown names, names that are none, fields that are none, wrong ids, paths that are none.
  await post("DecisionService/SelectVariant", { agentType: `made_up_${tag}`, codeType: "x" });
  await post("DecisionService/SelectVariant", { agentType: `NOT A NAME ${tag}`, codeType: "x" });
  await post("DecisionService/SelectVariant", { [`field_${tag}`]: 1 });
  await post("DecisionService/RecordOutcome", { generationId: `no id ${tag}` });
  await post("CatalogService/GetVariant", { variantId: `evolution/${tag}@1` });
  await post("InsightService/Query", { sql: `SELECT ${tag} FROM nowhere_${tag}` });
  await fetch(`${baseUrl}/${tag}`);
  await fetch(`${baseUrl}/bandit.v1.DecisionService/${tag}`, { method: "POST" });
}

test("labels that callers make up do not make series on /metrics", async () => {
  // Two rounds: the first makes the series of every kind of call and error that there is.
  await everything("first");
  await everything("second");
  const before = await series();
  await repeat(rounds, (index) => everything(`tag${index}`));
  await repeat(made, (index) =>
    post("DecisionService/SelectVariant", {
      agentType: "evolution",
      codeType: `flood_${index}`,
      agentId: `flood ${index}`,
    }),
  );
  await repeat(made, (index) =>
    post("DecisionService/SelectVariant", { agentType: `flood_${index}`, codeType: "x" }),
  );
  const added = [...(await series())].filter((name) => !before.has(name));
  // Of a service that runs for longer there is more to tell (a busy machine makes it refuse some calls, of each class and
  // RPC), but nothing that a caller has named, and nothing of which there is one for each name, as hashes of them.
  expect(added.filter((name) => /tag|flood|made_up|metric_|model/.test(name))).toEqual([]);
  expect(added.length).toBeLessThan(rounds / 2);
}, 120_000);

test("code types without outcomes take no memory of their own", async () => {
  const allocations = () => served.metric("bandit_allocations");
  const before = await allocations();
  await repeat(500, (index) =>
    post("DecisionService/SelectVariant", { agentType: "evolution", codeType: `none_${index}` }),
  );
  expect(await allocations()).toBe(before);
});
