import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hmacUserIdHasher } from "../../../src/adapters/system/hmac-user-id-hasher.ts";
import { pinoLogger } from "../../../src/adapters/system/pino-logger.ts";
import { PrometheusTelemetry } from "../../../src/adapters/system/prometheus-telemetry.ts";
import { systemEntropy } from "../../../src/adapters/system/system-entropy.ts";
import { readConfig } from "../../../src/app/config.ts";
import { type Engines, openEngines } from "../../../src/app/engines.ts";
import { defaultPolicy } from "../../../src/bandit/default-policy.ts";
import { BanditError } from "../../../src/domain/errors.ts";
import { parseAgentType, parseCodeType, parseOutcomeId } from "../../../src/domain/ids.ts";
import type { Policy } from "../../../src/domain/policy.ts";
import type { EventLog } from "../../../src/ports/event-log.ts";
import {
  createBanditService,
  type RunningBanditService,
} from "../../../src/service/create-bandit-service.ts";
import { makeDirectoryWithData } from "../../support/prepared-data.ts";

const agentType = parseAgentType("clockwork");
const codeType = parseCodeType("c");
const context = { signal: new AbortController().signal, actor: "test" };
const content = { source: "ci", passed: true, pipeline: "", url: "" } as const;
const policy: Policy = {
  ...defaultPolicy,
  reward: {
    ...defaultPolicy.reward,
    components: [
      { metric: "ci_passed", weight: 1, min: 0, max: 1, lowerIsBetter: false, unbounded: false },
    ],
  },
  attributionWindowSeconds: 3600,
  refreshIntervalMs: 0,
};

/** An event log that fails as told, before or after the rows have been written. */
class FaultyEventLog {
  failing: "before" | "after" | "never" = "never";
  failures = 0;
  readonly log: EventLog;

  constructor(inner: EventLog) {
    this.log = {
      append: async (input) => {
        if (this.failing === "before") this.#fail();
        await inner.append(input);
        if (this.failing === "after") this.#fail();
      },
      findGeneration: (id) => inner.findGeneration(id),
      listWithoutOutcome: (input) => inner.listWithoutOutcome(input),
      listLearnedArms: (agentType) => inner.listLearnedArms(agentType),
      findFirstDecisionMs: (agentType) => inner.findFirstDecisionMs(agentType),
      readClockMs: () => inner.readClockMs(),
      readGenerations: (input) => inner.readGenerations(input),
      query: (input) => inner.query(input),
      ping: () => inner.ping(),
      close: () => inner.close(),
    };
  }

  #fail(): never {
    this.failures += 1;
    throw new BanditError("unavailable", "as told", { reason: "TEST_FAULT" });
  }
}

describe("learning over time, by a clock that the test moves", () => {
  const clock = {
    timeMs: Date.UTC(2026, 0, 1),
    nowMs: () => clock.timeMs,
    monotonicMs: () => clock.timeMs,
  };
  let directory: string;
  let engines: Engines;
  let events: FaultyEventLog;
  let running: RunningBanditService;

  const meanOf = async (variantId: string) => {
    const view = await running.service.decisions.getAllocation(
      { agentType, codeType, features: {} },
      context,
    );
    return view.arms.find((arm) => arm.variantId === variantId)?.mean;
  };
  const decide = () =>
    running.service.decisions.selectVariant(
      {
        agentType,
        codeType,
        agentId: "",
        conversationId: "",
        features: {},
        allowedVariantIds: [],
      },
      context,
    );
  const count = async (table: string) => {
    const { rows } = await running.service.insight.query(
      {
        sql: `SELECT count() FROM ${table} WHERE agent_type = 'clockwork'`,
        rowsMax: 1,
        timeoutMs: 10_000,
        fresh: true,
      },
      context,
    );
    return Number(rows[0]?.[0]);
  };
  const setLateLearning = (learnFromLateOutcomes: boolean) =>
    running.service.catalog.setPolicy(
      { agentType, policy: { ...policy, learnFromLateOutcomes }, validateOnly: false },
      context,
    );

  beforeAll(async () => {
    directory = await makeDirectoryWithData();
    const logger = pinoLogger("silent");
    engines = await openEngines(readConfig({ dataDir: join(directory, "data") }, {}), {
      clock,
      logger,
    });
    events = new FaultyEventLog(engines.eventLog);
    running = await createBanditService({
      state: engines.state,
      catalogue: engines.catalogue,
      eventLog: events.log,
      deadLetters: engines.deadLetters,
      clock,
      entropy: systemEntropy,
      telemetry: new PrometheusTelemetry(),
      logger,
      userIds: hmacUserIdHasher("0123456789abcdef"),
      info: {
        version: "test",
        engines: engines.names,
        dataDirectory: directory,
        startedAtMs: clock.timeMs,
      },
      storeContent: false,
      autoCreateAgentTypes: false,
      recentDecisionsMax: 2,
      outbox: { bytesMax: 2 ** 30, whenFull: "refuse" },
      drainIntervalMs: 20,
      drainRowsMax: 500,
      totalsSyncIntervalMs: 1_000,
      defaultRewardIntervalMs: 60_000,
      spill: undefined,
      eventRetentionDays: undefined,
      stateTimeoutMs: undefined,
      spool: undefined,
      startCatalogue: undefined,
      catalogueSnapshots: undefined,
      posteriorSnapshots: undefined,
    });
    await running.service.catalog.createAgentType(
      {
        agentType,
        description: "",
        policy,
        variants: [
          {
            name: "only",
            description: "",
            content: { promptTemplate: "t", model: "", parameters: {} },
          },
        ],
      },
      context,
    );
  });
  afterAll(async () => {
    await running.stop();
    await engines.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it("learns from an outcome inside the attribution window and only logs one after it", async () => {
    const inTime = await decide();
    const tooLate = await decide();
    clock.timeMs += 3_599_000;
    const applied = await running.service.decisions.recordOutcome(
      { generationId: inTime.generationId, content },
      context,
    );
    expect(applied.status).toBe("applied");
    const mean = await meanOf("clockwork/only@1");
    clock.timeMs += 2_000;
    const late = await running.service.decisions.recordOutcome(
      { generationId: tooLate.generationId, content },
      context,
    );
    expect(late.status).toBe("late");
    expect(await meanOf("clockwork/only@1")).toBe(mean);
    const { rows } = await running.service.insight.query(
      {
        sql: `SELECT late, learned FROM outcomes FINAL WHERE generation_id = '${tooLate.generationId}'`,
        rowsMax: 10,
        timeoutMs: 10_000,
        fresh: true,
      },
      context,
    );
    expect(rows).toEqual([[1, 0]]);
  });

  it("joins an outcome through the event log when the decision has left the live state", async () => {
    const decision = await decide();
    await decide();
    await decide();
    await running.drain.flush();
    clock.timeMs += 5 * 24 * 3600 * 1000;
    expect(await engines.state.findDecision(decision.generationId)).toBeUndefined();
    const outcomeId = parseOutcomeId("five-days-later");
    const outcome = { outcomeId, generationId: decision.generationId, content };
    expect(await running.service.decisions.recordOutcome(outcome, context)).toEqual({
      outcomeId,
      status: "late",
    });
    expect((await running.service.decisions.recordOutcome(outcome, context)).status).toBe(
      "duplicate",
    );
    const explanation = await running.service.insight.explainGeneration(
      decision.generationId,
      context,
    );
    expect(explanation.history.outcomes.map((row) => row.outcome_id)).toEqual([outcomeId]);
    expect(explanation.consistent).toBe(true);
  });

  it("learns from late outcomes where the policy says so, still counting a generation once", async () => {
    await setLateLearning(true);
    const decision = await decide();
    clock.timeMs += 10 * 24 * 3600 * 1000;
    const before = await meanOf("clockwork/only@1");
    const record = (passed: boolean) =>
      running.service.decisions.recordOutcome(
        { generationId: decision.generationId, content: { ...content, passed } },
        context,
      );
    expect((await record(true)).status).toBe("applied");
    const after = await meanOf("clockwork/only@1");
    expect(after).toBeGreaterThan(before ?? 1);
    clock.timeMs += 10 * 24 * 3600 * 1000;
    expect((await record(true)).status).toBe("replaced");
    expect(await meanOf("clockwork/only@1")).toBe(after);
    await setLateLearning(false);
  });

  it("stores user ids hashed and content not at all", async () => {
    const { generationId } = await decide();
    await running.service.decisions.recordGeneration(
      { generationId, model: "m", codeHash: "", content: "secret source" },
      context,
    );
    await running.service.decisions.recordOutcome(
      {
        generationId,
        content: { source: "user_rating", overall: 4, comment: "", userId: "ann@example.org" },
      },
      context,
    );
    await running.drain.flush();
    const logged = JSON.stringify(await engines.eventLog.findGeneration(generationId));
    expect(logged).toMatch(/"user_hash":"[0-9a-f]{32}"/);
    expect(logged).not.toContain("ann@example.org");
    expect(logged).not.toContain("secret source");
  });

  it.each(["before", "after"] as const)(
    "writes every event exactly once when the event log fails %s it has stored the rows",
    async (moment) => {
      const [decisions, outcomes] = [await count("decisions"), await count("outcomes")];
      events.failing = moment;
      events.failures = 0;
      for (let round = 0; round < 50; round += 1) {
        const { generationId } = await decide();
        await running.service.decisions.recordOutcome({ generationId, content }, context);
      }
      await expect(running.drain.flush()).rejects.toMatchObject({ reason: "TEST_FAULT" });
      for (let round = 0; round < 3; round += 1) {
        const { generationId } = await decide();
        await running.service.decisions.recordOutcome({ generationId, content }, context);
        await expect(running.drain.flush()).rejects.toMatchObject({ reason: "TEST_FAULT" });
      }
      expect(events.failures).toBeGreaterThanOrEqual(4);
      events.failing = "never";
      // Without FINAL: the rows themselves, not what the engine makes of copies.
      expect(await count("decisions")).toBe(decisions + 53);
      expect(await count("outcomes")).toBe(outcomes + 53);
      expect((await engines.state.outboxState()).entries).toBe(0);
    },
  );
});
