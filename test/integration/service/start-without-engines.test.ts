import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { readConfig, type ServiceOptions } from "../../../src/app/config.ts";
import { seedAgentTypes } from "../../../src/app/seed/seed-catalogue.ts";
import { Mode, OutcomeStatus } from "../../../src/client/index.ts";
import { type ServedSite, serveWith } from "../../support/site.ts";
import { useThreeServers } from "../../support/three-servers.ts";
import { openCatalogue, query } from "../engines/catalogue-setup.ts";

const agentType = "evolution";
const codeType = "python_class";
/** The client repeats what is unavailable until its deadline. */
const briefly = { deadlineMs: 3_000 };
const lateType = { agentType: "late", variants: [{ name: "only", promptTemplate: "t" }] };

const opened: ServedSite[] = [];
const servers = useThreeServers();
afterEach(async () => {
  for (const service of opened.splice(0)) await service.close();
});

async function open(changes: Partial<ServiceOptions> = {}): Promise<ServedSite> {
  const common = { logLevel: "silent", userHashKey: "0123456789abcdef" } as const;
  const ports = { grpcPort: 0, httpPort: 0, drainIntervalMs: 50 };
  const options = { ...servers.options, ...common, ...ports, ...changes };
  const service = await serveWith(readConfig(options, {}));
  opened.push(service);
  return service;
}

async function readyz({ running }: ServedSite) {
  const response = await fetch(`${running.httpUrl}/readyz`);
  const body = await response.json();
  type Readyz = { ready: boolean; degraded: boolean; checks: Record<string, string> };
  return { status: response.status, ...(body as Readyz) };
}

/** What a poll of an engine's return waits for. */
const soon = <Value>(read: () => Promise<Value>) => expect.poll(read, { timeout: 20_000 });
const catalogueFresh = (service: ServedSite) => service.metric("bandit_catalogue_fresh");
const select = ({ client }: ServedSite) => client.selectVariant({ agentType, codeType });
const isDegraded = async (service: ServedSite) => (await readyz(service)).degraded;
const checkOf = async (service: ServedSite, engine: string) =>
  (await readyz(service)).checks[engine];

/** What is believed of each arm. */
async function beliefs({ client }: ServedSite): Promise<Record<string, unknown>> {
  const { allocation } = await client.getAllocation({ agentType, codeType });
  return Object.fromEntries(
    (allocation?.arms ?? []).map(
      ({ variantId, effectiveReward: reward, effectiveWeight: weight }) => [
        variantId,
        { reward, weight },
      ],
    ),
  );
}

async function learn(service: ServedSite, outcomes = 40): Promise<void> {
  for (let index = 0; index < outcomes; index += 1) {
    const decision = await select(service);
    const isGood = decision.variant?.variantId === "evolution/edge-cases-first@1";
    await service.client.recordOutcome({
      generationId: decision.generationId,
      outcome: { case: "testRun", value: { passed: isGood ? 10 : 0, failed: isGood ? 0 : 10 } },
    });
  }
}

const eventsIn = async (table: string): Promise<number> => {
  const [row] = await servers.clickhouse.query<{ rows: string }>(
    `SELECT count() AS rows FROM bandit.${table} FINAL`,
  );
  return Number(row?.rows);
};

const snapshotPath = (): string => join(servers.dataDir, "catalogue-snapshot.json");
/** Whole seconds suffice to say since when. */
const since = /since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ/;

/** As another process would. */
async function setModeElsewhere(mode: "static" | "frozen" | "learning"): Promise<void> {
  const { catalogue } = await openCatalogue(servers.postgres.url);
  await catalogue.setMode({ mode, reason: "a test" }, { name: "test" });
  await catalogue.close();
}

describe("Postgres", () => {
  test("down at the start without a snapshot: the start fails and says what is missing", async () => {
    rmSync(snapshotPath(), { force: true });
    await servers.postgres.kill();
    const start = open();
    await expect(start).rejects.toMatchObject({ reason: "CATALOGUE_NOT_AVAILABLE_AT_START" });
    await expect(start).rejects.toThrow(/catalogue-snapshot\.json in .*DATABASE_URL/);
  });

  test("down at the start with a snapshot: what was known is served, and followed once it is back", async () => {
    const before = await open();
    await before.client.createAgentType(lateType);
    await before.close();
    await servers.postgres.kill();

    const service = await open();
    const { client } = service;
    const { variant, degraded } = await client.selectVariant({ agentType: "late", codeType });
    expect(variant?.promptTemplate).toBe("t");
    expect(degraded).toBe(false);
    const report = await readyz(service);
    expect(report).toMatchObject({ status: 200, ready: true, degraded: true });
    expect(report.checks["catalogue"]).toMatch(since);
    expect(report.checks["catalogue"]).toMatch(/^unreachable .*: revision \d+ of .* snapshot file/);
    expect(await catalogueFresh(service)).toBe(0);

    const unavailable = { code: "unavailable", reason: "CATALOGUE_UNAVAILABLE" };
    const change = client.setMode({ mode: Mode.STATIC, reason: "a test" }, briefly);
    await expect(change).rejects.toMatchObject(unavailable);
    const unknown = client.selectVariant({ agentType: "nobody", codeType }, briefly);
    await expect(unknown).rejects.toMatchObject(unavailable);

    await servers.postgres.restart();
    await setModeElsewhere("static");
    await soon(async () => (await client.getMode({})).serviceMode).toBe(Mode.STATIC);
    await setModeElsewhere("learning");
    await soon(async () => (await client.getMode({})).serviceMode).toBe(Mode.LEARNING);
    const nobody = client.selectVariant({ agentType: "nobody", codeType });
    await expect(nobody).rejects.toMatchObject({ code: "not_found" });
    await expect.poll(() => catalogueFresh(service)).toBe(1);
    await soon(() => readyz(service)).toEqual({
      status: 200,
      ready: true,
      degraded: false,
      checks: expect.objectContaining({ state: "ok", catalogue: "ok", events: "ok" }),
    });
  });

  test("down at the start, back without a schema: migrations and the seed come then", async () => {
    const before = await open();
    await before.client.createAgentType({ ...lateType, agentType: "forgotten" });
    await before.close();
    await query(servers.postgres.url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    await servers.postgres.kill();
    const service = await open();
    await service.client.selectVariant({ agentType: "forgotten", codeType });
    await servers.postgres.restart();
    await soon(async () => {
      const { agentTypes } = await service.client.listAgentTypes({});
      return agentTypes.map((type) => type.agentType).sort();
    }).toEqual(seedAgentTypes.map((seed) => seed.agentType).sort());
    await select(service);
  });

  test("down at the start with a damaged snapshot: the start fails as it does without one", async () => {
    await (await open()).close();
    const bytes = readFileSync(snapshotPath());
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    writeFileSync(snapshotPath(), bytes);
    await servers.postgres.kill();
    await expect(open()).rejects.toMatchObject({ reason: "CATALOGUE_NOT_AVAILABLE_AT_START" });
    // The next start with Postgres writes a new one.
    await servers.postgres.restart();
    await (await open()).close();
    await servers.postgres.kill();
    await open();
  });

  test("killed and started again while the service runs: the service keeps deciding and follows the next change", async () => {
    const service = await open();
    expect(await catalogueFresh(service)).toBe(1);
    await servers.postgres.kill();
    await expect.poll(() => catalogueFresh(service)).toBe(0);
    expect((await select(service)).degraded).toBe(false);
    const report = await readyz(service);
    expect(report).toMatchObject({ status: 200, degraded: true });
    expect(report.checks["catalogue"]).toMatch(/revision \d+ stays in force/);
    await servers.postgres.restart();
    await setModeElsewhere("frozen");
    await soon(async () => (await service.client.getMode({})).serviceMode).toBe(Mode.FROZEN);
    await setModeElsewhere("learning");
    await expect.poll(() => catalogueFresh(service)).toBe(1);
  });
});

describe("a Postgres that was made read-only", () => {
  const setReadOnly = async (isReadOnly: boolean): Promise<void> => {
    await query(
      servers.postgres.url,
      isReadOnly
        ? "ALTER SYSTEM SET default_transaction_read_only = on"
        : "ALTER SYSTEM RESET default_transaction_read_only",
    );
    await query(servers.postgres.url, "SELECT pg_reload_conf()");
  };
  const setMode = (service: ServedSite): Promise<unknown> =>
    service.client.setMode({ mode: Mode.LEARNING, reason: "a test" }, briefly);
  const isUnavailable = {
    code: "unavailable",
    reason: "CATALOGUE_READ_ONLY",
    retryAfterMs: expect.any(Number),
  };

  test("while the service runs, or before it starts: decisions go on, changes are told to come again", async () => {
    const first = await open();
    await setReadOnly(true);
    try {
      const second = await open();
      for (const service of [first, second]) {
        await expect.poll(() => isDegraded(service)).toBe(true);
        const report = await readyz(service);
        expect(report).toMatchObject({ status: 200, ready: true });
        expect(report.checks["catalogue"]).toMatch(
          /^not usable \(.*cannot be changed.*read-only\) since .*: revision \d+ stays in force/,
        );
        await expect(setMode(service)).rejects.toMatchObject(isUnavailable);
        expect((await select(service)).degraded).toBe(false);
      }
    } finally {
      await setReadOnly(false);
    }
    await expect.poll(() => checkOf(first, "catalogue")).toBe("ok");
    await setMode(first);
  });
});

describe("ClickHouse", () => {
  test("that refuses the user: the service starts and says that it is the user", async () => {
    const url = new URL(servers.options.clickhouseUrl as string);
    url.password = "wr0ng";
    const service = await open({ clickhouseUrl: url.href });
    const events = await checkOf(service, "events");
    expect(events).toMatch(/^not usable \(.*AUTHENTICATION_FAILED.*CLICKHOUSE_URL.*\) since/);
    expect(events).not.toContain("wr0ng");
  });

  test("down at the start: events wait, and arrive when it is back", async () => {
    await servers.clickhouse.command("DROP DATABASE IF EXISTS bandit SYNC");
    servers.clickhouseProxy.refuse();
    const service = await open();
    await learn(service, 5);
    const report = await readyz(service);
    expect(report).toMatchObject({ status: 200, ready: true, degraded: true });
    expect(report.checks["events"]).toMatch(/^unreachable since .*wait/);
    servers.clickhouseProxy.pass();
    const tables = () => servers.clickhouse.query("SHOW TABLES FROM bandit");
    await soon(async () => (await tables()).length).toBeGreaterThan(3);
    await soon(() => eventsIn("outcomes")).toBe(5);
    await expect.poll(() => checkOf(service, "events")).toBe("ok");
  });

  test("hanging at the start: the service starts, and catches up", async () => {
    const outcomes = await eventsIn("outcomes");
    servers.clickhouse.failAlways(() => "hang");
    const service = await open();
    await learn(service, 3);
    expect(await checkOf(service, "events")).toMatch(/ since .*wait/);
    servers.clickhouse.failAlways(() => undefined);
    await soon(() => eventsIn("outcomes")).toBe(outcomes + 3);
    await soon(() => isDegraded(service)).toBe(false);
  });

  test("of a newer version: the start fails", async () => {
    await (await open()).close();
    const insert = "INSERT INTO bandit.schema_migration VALUES";
    await servers.clickhouse.command(`${insert} ('9999_from_the_future', 'x', now64(3))`);
    try {
      await expect(open()).rejects.toMatchObject({ reason: "MIGRATION_MISSING" });
    } finally {
      await servers.clickhouse.command(
        "ALTER TABLE bandit.schema_migration DELETE WHERE name = '9999_from_the_future' SETTINGS mutations_sync = 1",
      );
    }
  });
});

describe("Redis", () => {
  test("down at the start: decisions come from the last known posteriors, degraded, until it is there", async () => {
    const before = await open();
    const priors = await beliefs(before);
    await learn(before);
    const learned = await beliefs(before);
    expect(learned).not.toEqual(priors);
    await before.close();
    await servers.redis.kill("SIGKILL");

    const service = await open();
    expect((await select(service)).degraded).toBe(true);
    expect(await beliefs(service)).toEqual(learned);
    const report = await readyz(service);
    expect(report).toMatchObject({ status: 200, ready: true, degraded: true });
    expect(report.checks["state"]).toMatch(/^unreachable since .*last known allocations/);

    await servers.redis.restart();
    await soon(async () => (await select(service)).degraded).toBe(false);
    await expect.poll(() => checkOf(service, "state")).toBe("ok");
    expect(await beliefs(service)).toEqual(learned);
    await learn(service, 1);
  });

  test("hanging at the start: the service starts, and goes on when Redis does", async () => {
    await (await open()).close();
    await servers.redis.kill("SIGSTOP");
    const service = await open();
    expect((await select(service)).degraded).toBe(true);
    await servers.redis.kill("SIGCONT");
    await soon(() => isDegraded(service)).toBe(false);
    await learn(service, 1);
  });

  test("with data laid out for other partitions: the start fails", async () => {
    const { Redis } = await import("ioredis");
    const redis = new Redis(servers.redis.url);
    const key = (await redis.keys("*meta*"))[0] as string;
    try {
      await redis.hset(key, "partitions", 8);
      await expect(open()).rejects.toMatchObject({ reason: "STATE_PARTITIONS_MISMATCH" });
    } finally {
      await redis.hset(key, "partitions", 16);
      redis.disconnect();
    }
  });
});

describe("all three", () => {
  test("down at the start: decisions are answered, reports are kept, and everything arrives once they are up", async () => {
    const before = await open();
    await learn(before, 10);
    const learned = await beliefs(before);
    await before.close();
    const logged = { decisions: await eventsIn("decisions"), outcomes: await eventsIn("outcomes") };
    await servers.redis.kill("SIGKILL");
    await servers.postgres.kill();
    servers.clickhouseProxy.refuse();

    const service = await open();
    expect(await beliefs(service)).toEqual(learned);
    const reports = 20;
    for (let index = 0; index < reports; index += 1) {
      const { generationId, degraded } = await select(service);
      expect(degraded).toBe(true);
      const outcome = { case: "testRun", value: { passed: 1, failed: 0 } } as const;
      const { status } = await service.client.recordOutcome({ generationId, outcome });
      expect(status).toBe(OutcomeStatus.SPOOLED);
    }
    const report = await readyz(service);
    expect(report).toMatchObject({ status: 200, ready: true, degraded: true });
    expect(report.checks["state"]).toMatch(
      /^unreachable since .*reports go to the spool \(40 records, .*iB of 1 GiB\)/,
    );
    expect(report.checks["catalogue"]).toMatch(/^unreachable since .*snapshot file/);
    expect(report.checks["events"]).toMatch(/^unreachable since /);

    await Promise.all([servers.redis.restart(), servers.postgres.restart()]);
    servers.clickhouseProxy.pass();
    await soon(() => eventsIn("outcomes")).toBe(logged.outcomes + reports);
    await soon(() => eventsIn("decisions")).toBe(logged.decisions + reports);
    await soon(() => isDegraded(service)).toBe(false);
    const total = (of: Record<string, unknown>) =>
      Object.values(of as Record<string, { weight: number }>).reduce(
        (sum, { weight }) => sum + weight,
        0,
      );
    // Each report counts once: together they weigh as many times what one more does.
    const arrived = total(await beliefs(service));
    await learn(service, 1);
    const weightOfOne = total(await beliefs(service)) - arrived;
    expect(weightOfOne).toBeGreaterThan(0);
    expect(arrived - total(learned)).toBeCloseTo(reports * weightOfOne, 9);
  });
});
