import { rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { RewardTotals } from "../../../src/domain/contribution.ts";
import type { ArmKey, ArmTotals } from "../../../src/ports/state-store.ts";
import type { CallContext } from "../../../src/service/api/call-context.ts";
import type { Decision } from "../../../src/service/api/decisions.ts";
import { differencesOf } from "../../../src/service/rebuild/compare-totals.ts";
import { callContext } from "../../support/call-context.ts";
import type { LearningAgent } from "../../support/learning-agent.ts";
import { mixedHistory } from "../../support/mixed-history.ts";
import { emptyRedis, rebuild, totalsByArm } from "../../support/rebuild.ts";
import { engineSets } from "../../support/site.ts";
import { until } from "../../support/until.ts";
import { useReplica } from "../../support/use-site.ts";

// Rebuilds follow one another while agents report: 7 s on a machine of one's own, several times that beside others.
vi.setConfig({ testTimeout: 90_000 });

const pause = () => new Promise((resolve) => setTimeout(resolve, 100));
const dayMs = 86_400_000;
const none = { armsDifferent: 0, armsReplaced: 0, armsUnsettled: 0, armsBeyondLog: 0 };

function nameOf({ agentType, codeType, variantId }: ArmKey): string {
  return `${agentType} ${codeType} ${variantId}`;
}

describe.each(engineSets)("posteriors and the event log on %s engines", (set) => {
  const site = useReplica(set, () => ({ eventRetentionDays: 365 }));
  let agents: readonly LearningAgent[];
  // Each test leaves the state as it should be.
  beforeAll(async () => {
    ({ agents } = await mixedHistory(site, site));
  });

  const liveTotals = () => totalsByArm(site.engines.state);
  const check = () => rebuild(site.service, { check: true });
  const force = () => rebuild(site.service, { check: false, force: true });

  /** Everything in the state store is gone; on `embedded` with the process. */
  const lose = async (): Promise<void> => {
    await site.running.drain.flush();
    if (site.redisUrl !== undefined) return emptyRedis(site.redisUrl);
    const { dataDirectory } = site.service.insight.info();
    await site.close();
    rmSync(join(dataDirectory, "state"), { recursive: true });
    await site.restart();
    agents[0]?.moveTo(site.service);
  };

  const expectSame = (
    actual: ReadonlyMap<string, RewardTotals>,
    expected: ReadonlyMap<string, RewardTotals>,
  ): void => {
    expect([...actual.keys()]).toEqual([...expected.keys()]);
    for (const [arm, totals] of expected) {
      expect(differencesOf(actual.get(arm), totals), arm).toEqual([]);
    }
  };

  /** Changes what the store has of an arm, as a bug or a broken disk would. */
  const spoil = async (arm: ArmTotals, change: Partial<RewardTotals>): Promise<void> => {
    const done = await site.engines.state.repair.replaceTotals({
      ...arm,
      totals: { ...arm.totals, ...change },
      expectedVersion: arm.version,
      versionMin: 0,
    });
    expect(done).toBe(true);
  };

  const anyArm = async (wanted: (arm: ArmTotals) => boolean): Promise<ArmTotals> => {
    for await (const arm of site.engines.state.listTotals()) if (wanted(arm)) return arm;
    throw new Error("there is no such arm");
  };

  it("agree to 1e-9 whatever was reported, in whatever order, under whatever policy", async () => {
    const checked = await check();
    expect(checked.differences).toEqual([]);
    expect(checked.summary).toMatchObject(none);
    expect(checked.summary.arms).toBeGreaterThan(20);
    expect(checked.summary.eventsRead).toBeGreaterThan(200);
    // Rebuilding what is right changes nothing.
    const before = await liveTotals();
    const restored = { decisionsRestored: 0, ledgersRestored: 0 };
    expect((await rebuild(site.service)).summary).toMatchObject({ ...none, ...restored });
    expect(await liveTotals()).toEqual(before);
  });

  it("a spoilt arm is named with its numbers, and put right by a rebuild; the others are not touched", async () => {
    const right = await liveTotals();
    const arm = await anyArm(({ totals }) => totals.generations > 5 && totals.position > 0);
    const name = nameOf(arm);
    await spoil(arm, { reward: arm.totals.reward * (1 + 3e-9), generations: 1 });
    const checked = await check();
    expect(checked.differences).toEqual([`${name} generations`, `${name} reward`]);
    const { agentType, codeType, variantId } = arm;
    expect(checked.steps).toContainEqual({
      ...{ kind: "difference", arm: { agentType, codeType, variantId } },
      ...{ field: "generations", live: 1, recomputed: arm.totals.generations },
    });
    expect(checked.summary).toMatchObject({ ...none, armsDifferent: 1 });
    // A check changes nothing.
    expect((await check()).differences).toHaveLength(2);

    const rebuilt = await rebuild(site.service);
    expect(rebuilt.differences).toEqual(checked.differences);
    expect(rebuilt.summary).toMatchObject({ ...none, armsDifferent: 1, armsReplaced: 1 });
    expectSame(await liveTotals(), right);
    expect((await check()).summary).toMatchObject(none);
  });

  it("rounding is no difference; arms that only one side has are", async () => {
    const right = await liveTotals();
    const arm = await anyArm(({ totals }) => totals.generations > 5);
    await spoil(arm, { reward: arm.totals.reward * (1 + 1e-11) });
    expect((await check()).differences).toEqual([]);

    const phantom = { ...arm, codeType: "nobody" as ArmTotals["codeType"], version: 0 };
    await spoil(phantom, {});
    const lost = await anyArm(
      (one) => one.totals.generations > 0 && one.variantId !== arm.variantId,
    );
    await spoil(lost, { reward: 0, weight: 0, squares: 0, generations: 0, position: 0 });
    const checked = await check();
    expect(checked.summary).toMatchObject({ ...none, armsDifferent: 2 });
    expect(checked.differences).toContain(`${nameOf(phantom)} weight`);
    expect(checked.differences).toContain(`${nameOf(lost)} generations`);
    const spoilt = await liveTotals();
    const learned = String(arm.totals.generations);
    await expect(rebuild(site.service)).rejects.toMatchObject({
      code: "failed_precondition",
      reason: "EVENT_LOG_LACKS_GENERATIONS",
      metadata: { arms: "1", generations_learned: learned, generations_logged: "0" },
    });
    expect(await liveTotals()).toEqual(spoilt);
    await force();
    expectSame(await liveTotals(), right);
  });

  it("what was learned before the oldest event is not thrown away", async () => {
    const arm = await anyArm(({ totals }) => totals.generations > 5);
    const more = { generations: arm.totals.generations + 9, weight: arm.totals.weight + 9 };
    await spoil(arm, more);
    // The log is said to keep a year, and its first decision is of today: it has everything.
    expect((await check()).summary.armsDifferent).toBe(1);
    site.clock.timeMs += 364 * dayMs;
    const checked = await check();
    expect(checked.differences).toEqual([]);
    expect(checked.summary).toMatchObject({ ...none, armsBeyondLog: 1 });
    expect((await rebuild(site.service)).summary).toMatchObject({ ...none, armsBeyondLog: 1 });
    const name = nameOf(arm);
    expect((await liveTotals()).get(name)).toMatchObject(more);
    await force();
    expect((await liveTotals()).get(name)?.generations).toBe(arm.totals.generations);
    site.clock.timeMs -= 364 * dayMs;
  });

  it("only one agent type is looked at where that was asked for; nobody's is not found", async () => {
    const [first, second] = agents as [LearningAgent, LearningAgent];
    const arm = await anyArm(({ agentType }) => agentType === second.agentType);
    await spoil(arm, { weight: 1e6 });
    const only = (agentType: LearningAgent["agentType"]) =>
      rebuild(site.service, { check: true, agentType });
    expect((await only(first.agentType)).differences).toEqual([]);
    expect((await only(second.agentType)).differences).toHaveLength(1);
    await rebuild(site.service);
    await expect(only("nobody" as LearningAgent["agentType"])).rejects.toMatchObject({
      code: "not_found",
    });
  });

  it("an emptied state store is filled again: posteriors, open decisions, what was reported before", async () => {
    const agent = agents[0] as LearningAgent;
    const open = await agent.decide("later");
    const known = await agent.decide("later");
    const nowMs = site.clock.timeMs;
    await agent.report(known, 0.25, { outcomeId: "known", occurredAtMs: nowMs });
    const before = await liveTotals();
    // What the service remembers by itself must not help.
    for (let made = 0; made < 4; made += 1) await agent.decide("elsewhere");

    await lose();
    expect(await liveTotals()).toEqual(new Map());
    const rebuilt = await rebuild(site.service);
    expectSame(await liveTotals(), before);
    expect(rebuilt.summary.armsUnsettled).toBe(0);
    expect(rebuilt.summary.decisionsRestored).toBeGreaterThan(10);
    expect(rebuilt.summary.ledgersRestored).toBeGreaterThan(5);

    const first = { outcomeId: "first" };
    expect(await agent.report(open, 1, first)).toBe("applied");
    expect(await agent.report(known, 1, { outcomeId: "known" })).toBe("duplicate");
    const older = { outcomeId: "older", occurredAtMs: nowMs - 1 };
    expect(await agent.report(known, 0, older)).toBe("superseded");
    const newer = { outcomeId: "newer", occurredAtMs: nowMs + 1 };
    expect(await agent.report(known, 0.75, newer)).toBe("replaced");
    expect(await agent.report(open, 1, first)).toBe("duplicate");
    const after = await liveTotals();
    const sum = (of: (totals: RewardTotals) => number, arms: ReadonlyMap<string, RewardTotals>) =>
      [...arms].reduce((all, [name, totals]) => {
        return name.startsWith(`${agent.agentType} later `) ? all + of(totals) : all;
      }, 0);
    expect(sum((totals) => totals.generations, after)).toBe(2);
    expect(sum((totals) => totals.reward, after)).toBeCloseTo(1.75, 9);
    expect((await check()).summary).toMatchObject(none);
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
    await until("the loss is known", 10_000, () => site.running.stateLost());
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
      const { summary } = await rebuild(site.service);
      if (summary.armsUnsettled === 0) break;
    }
    isGoing = false;
    await going;
    expect(reported).toBeGreaterThan(120);
    const checked = await check();
    expect(checked.differences).toEqual([]);
    expect(checked.summary).toMatchObject(none);
  });

  it("one rebuild at a time; one that is left or whose service stops ends, and may be begun again", async () => {
    const request = { check: true };
    const going = new AbortController();
    const context = { signal: going.signal, actor: "test" };
    const begin = (of: CallContext) =>
      site.service.repair.rebuild(request, of)[Symbol.asyncIterator]();
    const toEnd = async (steps: AsyncIterator<unknown>) => {
      while ((await steps.next()).done !== true);
    };
    const first = begin(context);
    expect((await first.next()).value).toMatchObject({ kind: "progress", groupsDone: 0 });
    await expect(rebuild(site.service, request)).rejects.toMatchObject({
      code: "failed_precondition",
      reason: "REBUILD_RUNNING",
    });
    going.abort();
    const cancelled = { code: "aborted", reason: "REBUILD_CANCELLED" };
    await expect(toEnd(first)).rejects.toMatchObject(cancelled);

    const left = begin(context);
    await left.return?.();
    expect((await rebuild(site.service, request)).summary).toMatchObject(none);

    const stopped = begin(callContext);
    await stopped.next();
    const ending = toEnd(stopped);
    const closing = site.close();
    await expect(ending).rejects.toMatchObject({ reason: "REBUILD_CANCELLED" });
    await closing;
  });
});
