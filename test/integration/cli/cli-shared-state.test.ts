import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, inject, it, vi } from "vitest";
import { createBanditClient } from "../../../src/client/index.ts";
import { createDatabase } from "../../support/postgres.ts";
import { type RunningRedis, startRedis } from "../../support/redis.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { banditd, type Served, serve } from "./cli-process.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let directory: string;
let redis: RunningRedis;
let database: Awaited<ReturnType<typeof createDatabase>>;
let environment: NodeJS.ProcessEnv;
const served = new Set<Served>();

beforeEach(async () => {
  directory = temporaryDirectory();
  redis = await startRedis();
  database = await createDatabase(inject("postgresUrl"));
  environment = { REDIS_URL: redis.url, DATABASE_URL: database.url };
});
afterEach(async () => {
  for (const one of served) await one.stop("SIGKILL");
  served.clear();
  await redis.stop();
  await database.drop();
});

const dataDir = (name: string) => ["--data-dir", join(directory, name)];

async function start(name: string): Promise<Served> {
  const one = await serve(dataDir(name), { environment });
  served.add(one);
  return one;
}

async function stop(one: Served): Promise<void> {
  served.delete(one);
  expect(await one.stop()).toBe(0);
}

/** What a second event log is refused with: one line. */
async function refusal(name: string, more: NodeJS.ProcessEnv = {}): Promise<string> {
  const start = ["serve", "--grpc-port", "0", "--http-port", "0", ...dataDir(name)];
  const ended = await banditd(start, { environment: { ...environment, ...more } });
  expect(ended.exitCode).toBe(1);
  expect(ended.stdout).toBe("");
  return ended.stderr.split("\n").filter((line) => line.startsWith("banditd: "))[0] ?? "";
}

async function teach({ grpcAddress }: Served, tasks: number): Promise<void> {
  const client = createBanditClient({ address: grpcAddress, deadlineMs: 10_000 });
  for (let task = 0; task < tasks; task += 1) {
    const decided = await client.selectVariant({ agentType: "evolution", codeType: "go" });
    const outcome = { case: "testRun", value: { passed: task % 4, failed: 1 } } as const;
    await client.recordOutcome({ generationId: decided.generationId, outcome });
  }
  client.close();
}

it("a second process with an event log of its own does not start; the first one may be started again", async () => {
  const first = await start("first");
  const said = await refusal("second");
  expect(said).toContain(`the embedded event log in ${join(directory, "first", "events")} on `);
  expect(said).toContain("set CLICKHOUSE_URL to the same server for every process");
  const onServer = await refusal("third", { CLICKHOUSE_URL: "http://127.0.0.1:1/elsewhere" });
  expect(onServer).toContain("would go to the database elsewhere of a ClickHouse server");
  await teach(first, 3);
  await stop(first);
  await refusal("second");
  await teach(await start("first"), 3);
});

it("a rebuild from an event log that lacks what was learned is refused with the numbers, unless forced", async () => {
  const first = await start("first");
  await teach(first, 40);
  await stop(first);
  const admin = new Redis(redis.url);
  await admin.hdel("bandit:{p00}:meta", "event_log");
  const totals = () => admin.hgetall("bandit:{p08}:t:evolution|go");
  const second = await start("second");
  await teach(second, 10);
  const address = ["--address", second.grpcAddress];

  const checked = await banditd(["rebuild", "--check", ...address]);
  expect(checked.exitCode).toBe(1);
  expect(checked.stderr).toContain("learned from more generations than the event log has");
  expect(checked.stderr).not.toContain("puts them right");

  const before = await totals();
  expect(Object.keys(before).length).toBeGreaterThan(1);
  const refused = await banditd(["rebuild", ...address]);
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toMatch(
    /the event log has 10 of the 50 generations that 3 arms have learned from/,
  );
  expect(await totals()).toEqual(before);

  const forced = await banditd(["rebuild", "--force", ...address]);
  expect(forced).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining("3 of 3 arms put right"),
  });
  expect((await banditd(["rebuild", "--check", ...address])).exitCode).toBe(0);
  admin.disconnect();
});
