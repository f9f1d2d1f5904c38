import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { readConfig, type ServiceOptions } from "../../../src/app/config.ts";
import { openService, type RunningService } from "../../../src/app/open-service.ts";
import { seedAgentTypes } from "../../../src/app/seed/seed-catalogue.ts";
import {
  type BanditClient,
  createBanditClient,
  Mode,
  OutcomeStatus,
} from "../../../src/client/index.ts";
import { startThreeServers, type ThreeServers } from "../../support/three-servers.ts";
import { openCatalogue, query } from "../engines/catalogue-setup.ts";

const agentType = "evolution";
const codeType = "python_class";

let servers: ThreeServers;
const opened = new Set<Opened>();

interface Opened {
  readonly running: RunningService;
  readonly client: BanditClient;
  close(): Promise<void>;
}

beforeAll(async () => {
  servers = await startThreeServers();
}, 120_000);
afterAll(() => servers.remove());
afterEach(async () => {
  for (const service of opened) await service.close();
  await servers.heal();
});

async function open(changes: Partial<ServiceOptions> = {}): Promise<Opened> {
  const running = await openService(
    readConfig(
      {
        ...servers.options,
        grpcPort: 0,
        httpPort: 0,
        logLevel: "silent",
        userHashKey: "0123456789abcdef",
        drainIntervalMs: 50,
        ...changes,
      },
      {},
    ),
  );
  const client = createBanditClient({ address: running.grpcAddress, deadlineMs: 10_000 });
  const service: Opened = {
    running,
    client,
    async close() {
      opened.delete(service);
      client.close();
      await running.stop();
    },
  };
  opened.add(service);
  return service;
}

interface Readyz {
  readonly status: number;
  readonly ready: boolean;
  readonly degraded: boolean;
  readonly checks: Record<string, string>;
}

async function readyz({ running }: Opened): Promise<Readyz> {
  const response = await fetch(`${running.httpUrl}/readyz`);
  return { status: response.status, ...((await response.json()) as Omit<Readyz, "status">) };
}

async function gauge({ running }: Opened, name: string): Promise<number | undefined> {
  const text = await (await fetch(`${running.httpUrl}/metrics`)).text();
  const value = new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

/** What is believed of each arm. */
async function beliefs({ client }: Opened): Promise<Record<string, unknown>> {
  const { allocation } = await client.getAllocation({ agentType, codeType });
  return Object.fromEntries(
    (allocation?.arms ?? []).map(({ variantId, alpha, beta }) => [variantId, { alpha, beta }]),
  );
}

async function learn(service: Opened, outcomes = 40): Promise<void> {
  for (let index = 0; index < outcomes; index += 1) {
    const decision = await service.client.selectVariant({ agentType, codeType });
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
    await before.client.createAgentType({
      agentType: "late",
      variants: [{ name: "only", promptTemplate: "t" }],
    });
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
    expect(await gauge(service, "bandit_catalogue_fresh")).toBe(0);

    const unavailable = { code: "unavailable", reason: "CATALOGUE_UNAVAILABLE" };
    const change = client.setMode({ mode: Mode.STATIC, reason: "a test" });
    await expect(change).rejects.toMatchObject(unavailable);
    const unknown = client.selectVariant({ agentType: "nobody", codeType });
    await expect(unknown).rejects.toMatchObject(unavailable);

    await servers.postgres.restart();
    const { catalogue: elsewhere } = await openCatalogue(servers.postgres.url);
    await elsewhere.setMode({ mode: "static", reason: "a test" }, { name: "test" });
    await expect
      .poll(async () => (await client.getMode({})).serviceMode, { timeout: 20_000 })
      .toBe(Mode.STATIC);
    await elsewhere.setMode({ mode: "learning", reason: "a test" }, { name: "test" });
    await elsewhere.close();
    await expect
      .poll(async () => (await client.getMode({})).serviceMode, { timeout: 20_000 })
      .toBe(Mode.LEARNING);
    await expect(client.selectVariant({ agentType: "nobody", codeType })).rejects.toMatchObject({
      code: "not_found",
    });
    await expect.poll(() => gauge(service, "bandit_catalogue_fresh")).toBe(1);
    expect(await readyz(service)).toEqual({
      status: 200,
      ready: true,
      degraded: false,
      checks: expect.objectContaining({ state: "ok", catalogue: "ok", events: "ok" }),
    });
  });

  test("down at the start, back without a schema: migrations and the seed come then", async () => {
    const before = await open();
    await before.client.createAgentType({
      agentType: "forgotten",
      variants: [{ name: "only", promptTemplate: "t" }],
    });
    await before.close();
    await query(servers.postgres.url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    await servers.postgres.kill();
    const service = await open();
    await service.client.selectVariant({ agentType: "forgotten", codeType });
    await servers.postgres.restart();
    await expect
      .poll(
        async () => {
          const { agentTypes } = await service.client.listAgentTypes({});
          return agentTypes.map((type) => type.agentType).sort();
        },
        { timeout: 20_000 },
      )
      .toEqual(seedAgentTypes.map((seed) => seed.agentType).sort());
    await service.client.selectVariant({ agentType: "evolution", codeType });
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
    expect(await gauge(service, "bandit_catalogue_fresh")).toBe(1);
    await servers.postgres.kill();
    await expect.poll(() => gauge(service, "bandit_catalogue_fresh")).toBe(0);
    const { degraded } = await service.client.selectVariant({ agentType, codeType });
    expect(degraded).toBe(false);
    const report = await readyz(service);
    expect(report).toMatchObject({ status: 200, degraded: true });
    expect(report.checks["catalogue"]).toMatch(/revision \d+ stays in force/);
    await servers.postgres.restart();
    const { catalogue: elsewhere } = await openCatalogue(servers.postgres.url);
    await elsewhere.setMode({ mode: "frozen", reason: "a test" }, { name: "test" });
    await expect
      .poll(async () => (await service.client.getMode({})).serviceMode, { timeout: 20_000 })
      .toBe(Mode.FROZEN);
    await elsewhere.setMode({ mode: "learning", reason: "a test" }, { name: "test" });
    await elsewhere.close();
    await expect.poll(() => gauge(service, "bandit_catalogue_fresh")).toBe(1);
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
  const setMode = (service: Opened): Promise<unknown> =>
    service.client.setMode({ mode: Mode.LEARNING, reason: "a test" });
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
        await expect.poll(async () => (await readyz(service)).degraded).toBe(true);
        const report = await readyz(service);
        expect(report).toMatchObject({ status: 200, ready: true });
        expect(report.checks["catalogue"]).toMatch(
          /^not usable \(.*cannot be changed.*read-only\) since .*: revision \d+ stays in force/,
        );
        await expect(setMode(service)).rejects.toMatchObject(isUnavailable);
        const { degraded } = await service.client.selectVariant({ agentType, codeType });
        expect(degraded).toBe(false);
      }
    } finally {
      await setReadOnly(false);
    }
    await expect.poll(async () => (await readyz(first)).checks["catalogue"]).toBe("ok");
    await setMode(first);
  });
});

describe("ClickHouse", () => {
  test("that refuses the user: the service starts and says that it is the user", async () => {
    const url = new URL(servers.options.clickhouseUrl as string);
    url.password = "wr0ng";
    const service = await open({ clickhouseUrl: url.href });
    const { events } = (await readyz(service)).checks;
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
    await expect
      .poll(async () => (await servers.clickhouse.query("SHOW TABLES FROM bandit")).length, {
        timeout: 20_000,
      })
      .toBeGreaterThan(3);
    await expect.poll(() => eventsIn("outcomes"), { timeout: 20_000 }).toBe(5);
    await expect.poll(async () => (await readyz(service)).checks["events"]).toBe("ok");
  });

  test("hanging at the start: the service starts, and catches up", async () => {
    const outcomes = await eventsIn("outcomes");
    servers.clickhouse.failAlways(() => "hang");
    const service = await open();
    await learn(service, 3);
    expect((await readyz(service)).checks["events"]).toMatch(/ since .*wait/);
    servers.clickhouse.failAlways(() => undefined);
    await expect.poll(() => eventsIn("outcomes"), { timeout: 20_000 }).toBe(outcomes + 3);
    await expect
      .poll(async () => (await readyz(service)).degraded, { timeout: 20_000 })
      .toBe(false);
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
    const decision = await service.client.selectVariant({ agentType, codeType });
    expect(decision).toMatchObject({ degraded: true });
    expect(await beliefs(service)).toEqual(learned);
    const report = await readyz(service);
    expect(report).toMatchObject({ status: 200, ready: true, degraded: true });
    expect(report.checks["state"]).toMatch(/^unreachable since .*last known allocations/);

    await servers.redis.restart();
    await expect
      .poll(async () => (await service.client.selectVariant({ agentType, codeType })).degraded, {
        timeout: 20_000,
      })
      .toBe(false);
    await expect.poll(async () => (await readyz(service)).checks["state"]).toBe("ok");
    expect(await beliefs(service)).toEqual(learned);
    await learn(service, 1);
  });

  test("hanging at the start: the service starts, and goes on when Redis does", async () => {
    await (await open()).close();
    await servers.redis.kill("SIGSTOP");
    let service: Opened;
    try {
      service = await open();
      const { degraded } = await service.client.selectVariant({ agentType, codeType });
      expect(degraded).toBe(true);
    } finally {
      await servers.redis.kill("SIGCONT");
    }
    await expect
      .poll(async () => (await readyz(service)).degraded, { timeout: 20_000 })
      .toBe(false);
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
    const { client } = service;
    const reports = 20;
    for (let index = 0; index < reports; index += 1) {
      const { generationId, degraded } = await client.selectVariant({ agentType, codeType });
      expect(degraded).toBe(true);
      const outcome = { case: "testRun", value: { passed: 1, failed: 0 } } as const;
      const { status } = await client.recordOutcome({ generationId, outcome });
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
    await expect
      .poll(() => eventsIn("outcomes"), { timeout: 20_000 })
      .toBe(logged.outcomes + reports);
    await expect
      .poll(() => eventsIn("decisions"), { timeout: 20_000 })
      .toBe(logged.decisions + reports);
    await expect
      .poll(async () => (await readyz(service)).degraded, { timeout: 20_000 })
      .toBe(false);
    const total = (of: Record<string, unknown>) =>
      Object.values(of as Record<string, { alpha: number; beta: number }>).reduce(
        (sum, { alpha, beta }) => sum + alpha + beta,
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
