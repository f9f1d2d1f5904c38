import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { readConfig } from "../../../src/app/config.ts";
import { openEngines } from "../../../src/app/engines.ts";
import {
  type BanditClient,
  createBanditClient,
  OutcomeStatus,
  type SelectVariantResponse,
} from "../../../src/client/index.ts";
import { findFaults } from "../../support/outage-ledger.ts";
import { silentLogger } from "../../support/state-samples.ts";
import { startThreeServers, type ThreeServers } from "../../support/three-servers.ts";
import { type Served, serve } from "../cli/cli-process.ts";

const agentType = "evolution";
let servers: ThreeServers;
let codeTypes = 0;
let codeType: string;
const replicas = new Set<Replica>();

beforeAll(async () => {
  servers = await startThreeServers();
}, 120_000);
afterAll(() => servers.remove());
afterEach(async () => {
  await Promise.all([...replicas].map((replica) => replica.end("SIGKILL")));
  await servers.heal();
});

/** A `banditd serve` of its own on the shared engines and the shared data directory. */
class Replica {
  readonly client: BanditClient;
  readonly #served: Served;

  static async start(environment: NodeJS.ProcessEnv = {}): Promise<Replica> {
    const served = await serve([], {
      environment: {
        ...servers.environment,
        BANDIT_DRAIN_INTERVAL_MS: "50",
        BANDIT_STATE_TIMEOUT_MS: "300",
        BANDIT_TAKEOVER_AFTER_MS: "5000",
        ...environment,
      },
    });
    const replica = new Replica(served);
    replicas.add(replica);
    return replica;
  }

  private constructor(served: Served) {
    this.#served = served;
    this.client = createBanditClient({ address: served.grpcAddress, deadlineMs: 5_000 });
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    replicas.delete(this);
    await this.#served.stop(signal);
    this.client.close();
  }

  async metric(name: string): Promise<number> {
    const page = await (await fetch(`${this.#served.httpUrl}/metrics`)).text();
    return page
      .split("\n")
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  }
}

/** What was acknowledged, by any replica. */
class Load {
  readonly decisions = new Map<string, SelectVariantResponse>();
  readonly generations = new Set<string>();
  readonly outcomes = new Set<string>();
  degraded = 0;
  spooled = 0;
  unstored = 0;
  failed: unknown[] = [];
  #made = 0;

  /** One task: decide, report, say how it went; some things twice. What fails is noted. */
  async task(client: BanditClient): Promise<void> {
    this.#made += 1;
    const number = this.#made;
    try {
      const request = { agentType, codeType };
      const decision = await client.selectVariant(request);
      const { generationId } = decision;
      this.decisions.set(generationId, decision);
      if (decision.degraded) this.degraded += 1;
      // Nobody will know of it, so there is nothing to report on.
      if (decision.degradedReason.includes("not stored")) {
        this.decisions.delete(generationId);
        this.unstored += 1;
        return;
      }
      if (number % 5 === 0) {
        const again = await client.selectVariant({ ...request, generationId });
        expect(again.variant?.variantId).toBe(decision.variant?.variantId);
      }
      await client.recordGeneration({ generationId, model: "m" });
      this.generations.add(generationId);
      await this.outcome(client, generationId, "a", number % 3 === 0);
      if (number % 2 === 0) await this.outcome(client, generationId, "b", number % 4 === 0);
      if (number % 3 === 0) await this.outcome(client, generationId, "a", number % 3 === 0);
    } catch (error) {
      this.failed.push(error);
    }
  }

  async outcome(
    client: BanditClient,
    generationId: string,
    outcomeId: string,
    passed: boolean,
  ): Promise<void> {
    const { status } = await client.recordOutcome({
      generationId,
      outcomeId,
      occurredAt: { seconds: BigInt(1_700_000_000 + outcomeId.charCodeAt(0)) },
      outcome: { case: "ci", value: { passed } },
    });
    if (status === OutcomeStatus.SPOOLED) this.spooled += 1;
    this.outcomes.add(`${generationId}/${outcomeId}`);
  }

  /** Tasks one after another, four at a time, until `until` says so. */
  async run(clientOf: () => BanditClient, until: () => boolean): Promise<void> {
    const agent = async (): Promise<void> => {
      while (!until()) await this.task(clientOf());
    };
    await Promise.all([agent(), agent(), agent(), agent()]);
  }

  /** Repeats reports on some of the generations, as a client does that has lost the answer. */
  async repeat(client: BanditClient): Promise<void> {
    for (const key of [...this.outcomes].slice(0, 40)) {
      const [generationId, outcomeId] = key.split("/") as [string, string];
      const { status } = await client.recordOutcome({
        generationId,
        outcomeId,
        outcome: { case: "ci", value: { passed: true } },
      });
      expect(status).toBe(OutcomeStatus.DUPLICATE);
    }
  }
}

/** Holds everything acknowledged against ClickHouse and the live posteriors. */
async function faultsOf(load: Load): Promise<string[]> {
  const engines = await openEngines(readConfig(servers.options, {}), {
    clock: systemClock,
    logger: silentLogger,
    telemetry: { count: () => undefined, observeMs: () => undefined, gauge: () => undefined },
  });
  try {
    // What a killed replica was about to write is taken over by another one.
    await vi.waitFor(async () => expect((await engines.state.outboxState()).rows).toBe(0), {
      timeout: 100_000,
      interval: 50,
    });
    return await findFaults({
      codeType,
      eventLog: engines.eventLog,
      state: engines.state,
      decisions: new Set(load.decisions.keys()),
      generations: load.generations,
      outcomes: load.outcomes,
    });
  } finally {
    await engines.close();
  }
}

async function untilSpoolsAreEmpty(): Promise<void> {
  await vi.waitFor(
    async () => {
      for (const replica of replicas) expect(await replica.metric("bandit_spool_records")).toBe(0);
    },
    { timeout: 30_000, interval: 100 },
  );
}

async function prepare(client: BanditClient): Promise<void> {
  await client.setPolicy({
    agentType,
    codeType,
    policy: {
      algorithm: { kind: { case: "thompsonSampling", value: {} } },
      reward: { components: [{ metric: "ci_passed", weight: 1 }] },
    },
  });
}

beforeEach(() => {
  codeTypes += 1;
  codeType = `outage_${codeTypes}`;
});

test("Redis is killed, one replica is killed during the outage and one while it catches up: everything acknowledged counts once", async () => {
  const [first, second] = await Promise.all([Replica.start(), Replica.start()]);
  await prepare(first.client);
  const load = new Load();
  let clients = [first.client, second.client];
  let next = 0;
  let isOver = false;
  const running = load.run(
    () => {
      next += 1;
      return clients[next % clients.length] as BanditClient;
    },
    () => isOver,
  );
  const tasks = async (count: number): Promise<void> => {
    const goal = load.decisions.size + count;
    await vi.waitFor(() => expect(load.decisions.size).toBeGreaterThan(goal), {
      timeout: 30_000,
      interval: 10,
    });
  };
  await tasks(100);
  await servers.redis.kill("SIGKILL");
  await tasks(300);
  // What the first one has spooled is taken over by the other, which shares its data directory.
  clients = [second.client];
  await first.end("SIGKILL");
  await tasks(100);
  isOver = true;
  await running;
  expect(load.degraded).toBeGreaterThan(300);
  expect(load.spooled).toBeGreaterThan(300);
  const spooled = await second.metric("bandit_spool_records");
  expect(spooled).toBeGreaterThan(300);
  await servers.redis.restart();
  await vi.waitFor(
    async () => expect(await second.metric("bandit_spool_applied_total")).toBeGreaterThan(0),
    { timeout: 20_000, interval: 2 },
  );
  await second.end("SIGKILL");
  const third = await Replica.start();
  // It has the slot of one of the two, and takes over the other's.
  await vi.waitFor(
    async () => expect(await third.metric("bandit_spool_applied_total")).toBeGreaterThan(0),
    { timeout: 20_000, interval: 50 },
  );
  await vi.waitFor(async () => expect(await faultsOf(load)).toEqual([]), {
    timeout: 150_000,
    interval: 500,
  });
  await load.repeat(third.client);
  expect(await faultsOf(load)).toEqual([]);
  // Only what was under way with a killed process may have failed, and its caller knows.
  expect(load.failed.length).toBeLessThan(20);
}, 300_000);

test("Redis hangs: calls are answered within their deadlines, degraded and kept, and nothing counts twice though it was done", async () => {
  const replica = await Replica.start();
  await prepare(replica.client);
  const load = new Load();
  for (let made = 0; made < 20; made += 1) await load.task(replica.client);
  // What is under way at this moment may be done without ever being answered.
  let isOver = false;
  const running = load.run(
    () => replica.client,
    () => isOver,
  );
  await sleep(200);
  await servers.redis.kill("SIGSTOP");
  const goal = load.decisions.size + 400;
  await vi.waitFor(() => expect(load.decisions.size).toBeGreaterThan(goal), {
    timeout: 30_000,
    interval: 20,
  });
  await servers.redis.kill("SIGCONT");
  await vi.waitFor(async () => expect(await replica.metric("bandit_state_available")).toBe(1), {
    timeout: 20_000,
    interval: 50,
  });
  isOver = true;
  await running;
  expect(load.failed).toEqual([]);
  expect(load.degraded).toBeGreaterThan(350);
  await untilSpoolsAreEmpty();
  expect(await faultsOf(load)).toEqual([]);
  await load.repeat(replica.client);
  expect(await replica.metric("bandit_state_outages_total")).toBeLessThanOrEqual(3);
}, 120_000);

test("scripts that Redis has forgotten are sent again: a flush under load changes no answer", async () => {
  const replica = await Replica.start();
  await prepare(replica.client);
  const redis = new Redis(servers.redis.url);
  try {
    const load = new Load();
    let flushed = 0;
    const running = load.run(
      () => replica.client,
      () => flushed >= 200,
    );
    while (flushed < 200) {
      await redis.script("FLUSH");
      flushed += 1;
      await sleep(2);
    }
    await running;
    expect(load.failed).toEqual([]);
    expect([load.degraded, load.spooled]).toEqual([0, 0]);
    expect(load.decisions.size).toBeGreaterThan(20);
    expect(await faultsOf(load)).toEqual([]);
  } finally {
    redis.disconnect();
  }
}, 60_000);

test("a spool that is full says so, keeps what it has acknowledged, and takes again when Redis is back", async () => {
  const replica = await Replica.start({ BANDIT_SPOOL_BYTES_MAX: "65536" });
  await prepare(replica.client);
  const load = new Load();
  await load.task(replica.client);
  await servers.redis.kill("SIGKILL");
  while (load.unstored < 3 && load.failed.length === 0) await load.task(replica.client);
  // A report is smaller than a decision, so there may be room for some more.
  const [known = ""] = load.decisions.keys();
  let refusal: unknown;
  for (let made = 0; refusal === undefined && made < 1000; made += 1) {
    refusal = await load
      .outcome(replica.client, known, `more_${made}`, true)
      .catch((error) => error);
  }
  for (const error of [refusal, ...load.failed]) {
    expect(error).toMatchObject({ code: "resource_exhausted", reason: "SPOOL_FULL" });
  }
  expect(await replica.metric("bandit_spool_bytes")).toBeLessThanOrEqual(65_536);
  expect(await replica.metric("bandit_reports_refused_total")).toBeGreaterThan(0);
  expect(await replica.metric("bandit_decisions_unrecorded_total")).toBe(load.unstored);
  await servers.redis.restart();
  await untilSpoolsAreEmpty();
  load.failed = [];
  await load.task(replica.client);
  expect(load.failed).toEqual([]);
  expect(await faultsOf(load)).toEqual([]);
}, 60_000);
