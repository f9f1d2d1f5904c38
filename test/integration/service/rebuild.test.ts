import { rmSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { RewardTotals } from "../../../src/domain/contribution.ts";
import type { ArmKey, ArmTotals } from "../../../src/ports/state-store.ts";
import type { Decision } from "../../../src/service/api/decisions.ts";
import { differencesOf } from "../../../src/service/rebuild/compare-totals.ts";
import { until } from "../../conformance/state-store-harness.ts";
import type { LearningAgent } from "../../support/learning-agent.ts";
import { mixedHistory } from "../../support/mixed-history.ts";
import { rebuild, totalsByArm } from "../../support/rebuild.ts";
import { engineSets, openSite, type Replica, type Site } from "../../support/site.ts";

// Rebuilds follow one another while agents report: 7 s on a machine of one's own, several times that beside others.
vi.setConfig({ testTimeout: 90_000 });

const pause = () => new Promise((resolve) => setTimeout(resolve, 100));
const dayMs = 86_400_000;
const changes = () => ({ eventRetentionDays: 365 });
const none = { armsDifferent: 0, armsReplaced: 0, armsUnsettled: 0, armsBeyondLog: 0 };

function armOf({ agentType, codeType, variantId }: ArmTotals): ArmKey {
  return { agentType, codeType, variantId };
}

describe.each(engineSets)("posteriors and the event log on %s engines", (set) => {
  let site: Site;
  let replica: Replica;

  let agents: readonly LearningAgent[];

  // Each test leaves the state as it should be.
  beforeAll(async () => {
    site = await openSite(set);
    replica = await site.open({ changes });
    ({ agents } = await mixedHistory(site, replica));
  });
  afterAll(() => site.remove());

  const liveTotals = () => totalsByArm(replica.engines.state);

  /** Everything in the state store is gone; on `embedded` with the process. */
  const lose = async (): Promise<void> => {
    await replica.running.drain.flush();
    if (site.redisUrl !== undefined) {
      const admin = new Redis(site.redisUrl);
      await admin.flushall();
      admin.disconnect();
      return;
    }
    const { dataDirectory } = replica.service.insight.info();
    await replica.close();
    rmSync(join(dataDirectory, "state"), { recursive: true });
    replica = await site.open({ changes });
  };

  const expectSame = (
    actual: ReadonlyMap<string, RewardTotals>,
    expected: ReadonlyMap<string, RewardTotals>,
  ): void => {
    expect([...actual.keys()]).toEqual([...expected.keys()]);
    for (const [arm, totals] of expected) {
      expect({ arm, differences: differencesOf(actual.get(arm), totals) }).toEqual({
        arm,
        differences: [],
      });
    }
  };

  /** Changes what the store has of an arm, as a bug or a broken disk would. */
  const spoil = async (arm: ArmTotals, change: Partial<RewardTotals>): Promise<void> => {
    const done = await replica.engines.state.repair.replaceTotals({
      ...arm,
      totals: { ...arm.totals, ...change },
      expectedVersion: arm.version,
      versionMin: 0,
    });
    expect(done).toBe(true);
  };

  const anyArm = async (wanted: (arm: ArmTotals) => boolean): Promise<ArmTotals> => {
    for await (const arm of replica.engines.state.listTotals()) if (wanted(arm)) return arm;
    throw new Error("there is no such arm");
  };

  it("agree to 1e-9 whatever was reported, in whatever order, under whatever policy", async () => {
    const checked = await rebuild(replica.service, { check: true });
    expect(checked.differences).toEqual([]);
    expect(checked.summary).toMatchObject(none);
    expect(checked.summary.arms).toBeGreaterThan(20);
    expect(checked.summary.eventsRead).toBeGreaterThan(200);
    // Rebuilding what is right changes nothing.
    const before = await liveTotals();
    const rebuilt = await rebuild(replica.service);
    expect(rebuilt.summary).toMatchObject({
      ...none,
      ...{ decisionsRestored: 0, ledgersRestored: 0 },
    });
    expect(await liveTotals()).toEqual(before);
  });

  it("a spoilt arm is named with its numbers, and put right by a rebuild; the others are not touched", async () => {
    const right = await liveTotals();
    const arm = await anyArm(({ totals }) => totals.generations > 5 && totals.position > 0);
    const name = `${arm.agentType} ${arm.codeType} ${arm.variantId}`;
    await spoil(arm, { reward: arm.totals.reward * (1 + 3e-9), generations: 1 });
    const checked = await rebuild(replica.service, { check: true });
    expect(checked.differences).toEqual([`${name} generations`, `${name} reward`]);
    expect(checked.steps).toContainEqual({
      ...{ kind: "difference", arm: armOf(arm) },
      ...{ field: "generations", live: 1, recomputed: arm.totals.generations },
    });
    expect(checked.summary).toMatchObject({ ...none, armsDifferent: 1 });
    // A check changes nothing.
    expect((await rebuild(replica.service, { check: true })).differences).toHaveLength(2);

    const rebuilt = await rebuild(replica.service);
    expect(rebuilt.differences).toEqual(checked.differences);
    expect(rebuilt.summary).toMatchObject({ ...none, armsDifferent: 1, armsReplaced: 1 });
    expectSame(await liveTotals(), right);
    expect((await rebuild(replica.service, { check: true })).summary).toMatchObject(none);
  });

  it("rounding is no difference; arms that only one side has are", async () => {
    const right = await liveTotals();
    const arm = await anyArm(({ totals }) => totals.generations > 5);
    await spoil(arm, { reward: arm.totals.reward * (1 + 1e-11) });
    expect((await rebuild(replica.service, { check: true })).differences).toEqual([]);

    const phantom = { ...arm, codeType: "nobody" as ArmTotals["codeType"], version: 0 };
    await spoil(phantom, {});
    const lost = await anyArm(
      (one) => one.totals.generations > 0 && one.variantId !== arm.variantId,
    );
    await spoil(lost, { reward: 0, weight: 0, squares: 0, generations: 0, position: 0 });
    const checked = await rebuild(replica.service, { check: true });
    expect(checked.summary).toMatchObject({ ...none, armsDifferent: 2 });
    expect(checked.differences).toContain(`${arm.agentType} nobody ${arm.variantId} weight`);
    expect(checked.differences).toContain(
      `${lost.agentType} ${lost.codeType} ${lost.variantId} generations`,
    );
    const spoilt = await liveTotals();
    const learned = String(arm.totals.generations);
    await expect(rebuild(replica.service)).rejects.toMatchObject({
      code: "failed_precondition",
      reason: "EVENT_LOG_LACKS_GENERATIONS",
      metadata: { arms: "1", generations_learned: learned, generations_logged: "0" },
    });
    expect(await liveTotals()).toEqual(spoilt);
    await rebuild(replica.service, { check: false, force: true });
    expectSame(await liveTotals(), right);
  });

  it("what was learned before the oldest event is not thrown away", async () => {
    const arm = await anyArm(({ totals }) => totals.generations > 5);
    const more = { generations: arm.totals.generations + 9, weight: arm.totals.weight + 9 };
    await spoil(arm, more);
    // The log is said to keep a year, and its first decision is of today: it has everything.
    expect((await rebuild(replica.service, { check: true })).summary.armsDifferent).toBe(1);
    site.clock.timeMs += 364 * dayMs;
    const checked = await rebuild(replica.service, { check: true });
    expect(checked.differences).toEqual([]);
    expect(checked.summary).toMatchObject({ ...none, armsBeyondLog: 1 });
    expect((await rebuild(replica.service)).summary).toMatchObject({ ...none, armsBeyondLog: 1 });
    const name = `${arm.agentType} ${arm.codeType} ${arm.variantId}`;
    expect((await liveTotals()).get(name)).toMatchObject(more);
    await rebuild(replica.service, { check: false, force: true });
    expect((await liveTotals()).get(name)?.generations).toBe(arm.totals.generations);
    site.clock.timeMs -= 364 * dayMs;
  });

  it("only one agent type is looked at where that was asked for; nobody's is not found", async () => {
    const [first, second] = agents as [LearningAgent, LearningAgent];
    const arm = await anyArm(({ agentType }) => agentType === second.agentType);
    await spoil(arm, { weight: 1e6 });
    const only = (agentType: LearningAgent["agentType"]) =>
      rebuild(replica.service, { check: true, agentType });
    expect((await only(first.agentType)).differences).toEqual([]);
    expect((await only(second.agentType)).differences).toHaveLength(1);
    await rebuild(replica.service);
    await expect(only("nobody" as LearningAgent["agentType"])).rejects.toMatchObject({
      code: "not_found",
    });
  });

  it("an emptied state store is filled again: posteriors, open decisions, what was reported before", async () => {
    const agent = agents[0] as LearningAgent;
    const report = (decision: Decision, score: number, outcomeId: string, occurredAtMs?: number) =>
      agent.report(decision, score, {
        outcomeId,
        ...(occurredAtMs === undefined ? {} : { occurredAtMs }),
      });
    const open = await agent.decide("later");
    const known = await agent.decide("later");
    const nowMs = site.clock.timeMs;
    await report(known, 0.25, "known", nowMs);
    const before = await liveTotals();
    // What the service remembers by itself must not help.
    for (let made = 0; made < 4; made += 1) await agent.decide("elsewhere");

    await lose();
    agent.moveTo(replica.service);
    expect(await liveTotals()).toEqual(new Map());
    const rebuilt = await rebuild(replica.service);
    expectSame(await liveTotals(), before);
    expect(rebuilt.summary.armsUnsettled).toBe(0);
    expect(rebuilt.summary.decisionsRestored).toBeGreaterThan(10);
    expect(rebuilt.summary.ledgersRestored).toBeGreaterThan(5);

    expect(await report(open, 1, "first")).toBe("applied");
    expect(await report(known, 1, "known")).toBe("duplicate");
    expect(await report(known, 0, "older", nowMs - 1)).toBe("superseded");
    expect(await report(known, 0.75, "newer", nowMs + 1)).toBe("replaced");
    expect(await report(open, 1, "first")).toBe("duplicate");
    const after = await liveTotals();
    const sum = (of: (totals: RewardTotals) => number, arms: ReadonlyMap<string, RewardTotals>) =>
      [...arms].reduce((all, [name, totals]) => {
        return name.startsWith(`${agent.agentType} later `) ? all + of(totals) : all;
      }, 0);
    expect(sum((totals) => totals.generations, after)).toBe(2);
    expect(sum((totals) => totals.reward, after)).toBeCloseTo(1.75, 9);
    expect((await rebuild(replica.service, { check: true })).summary).toMatchObject(none);
  });

  it("an emptied state store is filled while agents go on reporting; what they report counts once", async () => {
    const agent = agents[0] as LearningAgent;
    const codeTypes = ["busy_1", "busy_2", "busy_3", "busy_4"];
    const waiting: { decision: Decision; score: number }[] = [];
    for (let made = 0; made < 120; made += 1) {
      const decision = await agent.decide(codeTypes[made % 4]);
      if (made % 3 === 0) await agent.report(decision, made / 120, { outcomeId: "o" });
      waiting.push({ decision, score: made / 120 });
    }
    await lose();
    agent.moveTo(replica.service);
    await until("the loss is known", 10_000, () => replica.running.stateLost());
    let isGoing = true;
    let reported = 0;
    /** As a client does that retries what is unavailable. */
    const report = async (decision: Decision, score: number): Promise<void> => {
      for (;;) {
        try {
          await agent.report(decision, score, { outcomeId: "o" });
          reported += 1;
          return;
        } catch (error) {
          expect(error).toMatchObject({ code: "unavailable", reason: "STATE_LOST" });
          await pause();
        }
      }
    };
    const going = Promise.all(
      [0, 1, 2].map(async (worker) => {
        for (let at = worker; isGoing || waiting.length > 0; at += 3) {
          // Old generations, for the first time or again, and new ones.
          const old = waiting.shift();
          if (old !== undefined) await report(old.decision, old.score);
          if (!isGoing) continue;
          await report(await agent.decide(codeTypes[at % 4]), (at % 10) / 10);
          await pause();
        }
      }),
    );
    for (let left = 3; left > 0; left -= 1) {
      const { summary } = await rebuild(replica.service);
      if (summary.armsUnsettled === 0) break;
    }
    isGoing = false;
    await going;
    expect(reported).toBeGreaterThan(120);
    const checked = await rebuild(replica.service, { check: true });
    expect(checked.differences).toEqual([]);
    expect(checked.summary).toMatchObject(none);
  });

  it("one rebuild at a time; one that is left or whose service stops ends, and may be begun again", async () => {
    const request = { check: true };
    const going = new AbortController();
    const context = { signal: going.signal, actor: "test" };
    const first = replica.service.repair.rebuild(request, context)[Symbol.asyncIterator]();
    expect((await first.next()).value).toMatchObject({ kind: "progress", groupsDone: 0 });
    await expect(rebuild(replica.service, request)).rejects.toMatchObject({
      code: "failed_precondition",
      reason: "REBUILD_RUNNING",
    });
    going.abort();
    await expect(
      (async () => {
        while ((await first.next()).done !== true);
      })(),
    ).rejects.toMatchObject({ code: "aborted", reason: "REBUILD_CANCELLED" });

    const left = replica.service.repair.rebuild(request, context)[Symbol.asyncIterator]();
    await left.return?.();
    expect((await rebuild(replica.service, request)).summary).toMatchObject(none);

    const other = { signal: new AbortController().signal, actor: "test" };
    const stopped = replica.service.repair.rebuild(request, other)[Symbol.asyncIterator]();
    await stopped.next();
    const ending = (async () => {
      while ((await stopped.next()).done !== true);
    })();
    const closing = replica.close();
    await expect(ending).rejects.toMatchObject({ reason: "REBUILD_CANCELLED" });
    await closing;
  });
});
