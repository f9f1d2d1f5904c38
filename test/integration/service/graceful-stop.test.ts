import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { type BanditClient, ClientError, createBanditClient } from "../../../src/client/index.ts";
import { useThreeServers } from "../../support/three-servers.ts";
import { type Served, serve } from "../cli/cli-process.ts";

const agentType = "evolution";
const codeType = "python_class";
/** Ten seconds are promised; on a busy machine the rest is for the end of a process. Longer fails. */
const stopTimeoutMs = 20_000;

const servers = useThreeServers();
const started = new Set<Served>();
afterEach(async () => {
  for (const served of started) await served.stop("SIGKILL");
  started.clear();
});

async function start(environment: NodeJS.ProcessEnv = {}): Promise<Served> {
  const served = await serve([], { environment: { ...servers.environment, ...environment } });
  started.add(served);
  return served;
}

function clientOf({ grpcAddress }: Served): BanditClient {
  const client = createBanditClient({ address: grpcAddress, deadlineMs: 15_000 });
  onTestFinished(() => client.close());
  return client;
}

/** @returns the exit code. @throws when the process is still there after {@link stopTimeoutMs} */
async function stop(served: Served, signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
  const late = sleep(stopTimeoutMs, "late" as const, { ref: false });
  const code = await Promise.race([served.stop(signal), late]);
  started.delete(served);
  if (code === "late") {
    await served.stop("SIGKILL");
    throw new Error(`the process was still there ${stopTimeoutMs} ms after ${signal}`);
  }
  return code;
}

interface Load {
  /** Ids of generations whose decision was answered with OK, not degraded. */
  readonly decided: Set<string>;
  /** Ids of generations one of whose outcomes was answered with OK. */
  readonly reported: Set<string>;
  /** Codes of the calls that failed. */
  readonly failures: Map<string, number>;
  /** Ends with the first failure of each of its agents. */
  readonly ended: Promise<void>;
}

/** Agents that decide and report as fast as they can, without retries, until a call fails. */
function startLoad(client: BanditClient, agents = 8): Load {
  const decided = new Set<string>();
  const reported = new Set<string>();
  const failures = new Map<string, number>();
  const agent = async (): Promise<void> => {
    for (;;) {
      try {
        const { generationId } = await client.selectVariant({ agentType, codeType });
        decided.add(generationId);
        const outcome = { case: "testRun", value: { passed: 1, failed: 0 } } as const;
        await client.recordOutcome({ generationId, outcome });
        reported.add(generationId);
      } catch (error) {
        const code = error instanceof ClientError ? error.code : String(error);
        failures.set(code, (failures.get(code) ?? 0) + 1);
        return;
      }
    }
  };
  const ended = Promise.all(Array.from({ length: agents }, agent)).then(() => undefined);
  return { decided, reported, failures, ended };
}

/** Begins a call that takes as long as it may, because ClickHouse does not answer. @returns what it has come to */
async function startSlowCall(client: BanditClient): Promise<() => Promise<string>> {
  const before = servers.clickhouse.statements().length;
  servers.clickhouse.failAlways(() => "hang");
  const ended = client.query({ sql: "SELECT 1" }).then(
    () => "ok",
    (error: ClientError) => error.code,
  );
  const isAsked = () =>
    servers.clickhouse
      .statements()
      .slice(before)
      .some((sql) => sql.includes("formatQuery"));
  await expect.poll(isAsked).toBe(true);
  return () => ended;
}

async function loggedIds(table: string): Promise<Set<string>> {
  const rows = await servers.clickhouse.query<{ id: string }>(
    `SELECT DISTINCT toString(generation_id) AS id FROM bandit.${table}`,
  );
  return new Set(rows.map(({ id }) => id));
}

/** Ids that were acknowledged and are not in the event log. */
async function missing(load: Load): Promise<number> {
  const [decisions, outcomes] = await Promise.all([loggedIds("decisions"), loggedIds("outcomes")]);
  const lost = [...load.decided].filter((id) => !decisions.has(id));
  return lost.length + [...load.reported].filter((id) => !outcomes.has(id)).length;
}

interface Stop {
  readonly what: string;
  readonly environment?: NodeJS.ProcessEnv;
  breakEngine?(): Promise<void> | void;
  mendEngine?(): Promise<void> | void;
}

/** Runs a load, stops the service in the middle of it, and starts it again to see what has become of everything. */
async function stopUnderLoad(options: Stop): Promise<void> {
  const served = await start(options.environment);
  const client = clientOf(served);
  const load = startLoad(client);
  await expect.poll(() => load.reported.size, { timeout: 20_000 }).toBeGreaterThan(100);
  await options.breakEngine?.();
  expect(await stop(served)).toBe(0);
  await load.ended;
  expect([...load.failures.keys()].filter((code) => code !== "unavailable")).toEqual([]);

  await options.mendEngine?.();
  const again = await start();
  await expect.poll(() => missing(load), { timeout: 30_000 }).toBe(0);
  expect(await stop(again)).toBe(0);
}

test.each<Stop>([
  // So that something waits in the outbox when the signal comes.
  { what: "engines as always", environment: { BANDIT_DRAIN_INTERVAL_MS: "60000" } },
  {
    what: "a ClickHouse that hangs",
    breakEngine: () => servers.clickhouse.failAlways(() => "hang"),
    mendEngine: () => servers.clickhouse.failAlways(() => undefined),
  },
  {
    what: "a Redis that hangs",
    breakEngine: () => servers.redis.kill("SIGSTOP"),
    mendEngine: () => servers.redis.kill("SIGCONT"),
  },
  {
    what: "no Postgres",
    breakEngine: () => servers.postgres.kill(),
    mendEngine: () => servers.postgres.restart(),
  },
])(
  "under load with $what: the process ends, what was answered OK is in the event log after the next start, the rest is UNAVAILABLE",
  stopUnderLoad,
  90_000,
);

test("what waits in the outbox is written before the end when ClickHouse answers", async () => {
  const served = await start({ BANDIT_DRAIN_INTERVAL_MS: "60000" });
  const client = clientOf(served);
  const { generationId } = await client.selectVariant({ agentType, codeType });
  expect((await loggedIds("decisions")).has(generationId)).toBe(false);
  expect(await stop(served)).toBe(0);
  expect((await loggedIds("decisions")).has(generationId)).toBe(true);
});

test("a second signal ends the process at once, with 1", async () => {
  const served = await start();
  const client = clientOf(served);
  const slow = await startSlowCall(client);
  const stopped = stop(served);
  await expect.poll(() => served.stderr()).toContain("a second one stops at once");
  // The same key press may come twice; what comes within a second counts as one.
  await sleep(1_500);
  expect(await stop(served)).toBe(1);
  expect(await stopped).toBe(1);
  expect(await slow()).toBe("unavailable");
});

test("probes hear of it at once, while calls under way are waited for", async () => {
  const served = await start();
  const ready = await fetch(`${served.httpUrl}/readyz`);
  expect(ready.status).toBe(200);
  const client = clientOf(served);
  const slow = await startSlowCall(client);
  const stopped = stop(served);
  await expect
    .poll(async () => (await fetch(`${served.httpUrl}/readyz`)).status, { timeout: 3_000 })
    .toBe(503);
  const report = await (await fetch(`${served.httpUrl}/readyz`)).json();
  expect(report).toEqual({ ready: false, degraded: false, checks: { service: "stopping" } });
  expect((await fetch(`${served.httpUrl}/healthz`)).status).toBe(200);
  servers.clickhouse.failAlways(() => undefined);
  await slow();
  expect(await stopped).toBe(0);
});

test("with everything hanging at once: calls that do not end are cut with UNAVAILABLE, the process ends with 0", async () => {
  const served = await start();
  const client = clientOf(served);
  const { generationId } = await client.selectVariant({ agentType, codeType });
  const slow = await startSlowCall(client);
  await servers.redis.kill("SIGSTOP");
  await servers.postgres.kill();
  expect(await stop(served)).toBe(0);
  expect(await slow()).toBe("unavailable");
  await servers.redis.kill("SIGCONT");
  await servers.postgres.restart();
  servers.clickhouse.failAlways(() => undefined);
  const again = await start();
  await expect
    .poll(async () => (await loggedIds("decisions")).has(generationId), { timeout: 20_000 })
    .toBe(true);
  expect(await stop(again)).toBe(0);
});
