import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { SqliteDiskQueue } from "../../../src/adapters/sqlite/sqlite-disk-queue.ts";
import { BanditError } from "../../../src/domain/errors.ts";
import type { GenerationId } from "../../../src/domain/ids.ts";
import { readLoggedEvents } from "../../faults/harness/logged-events.ts";
import { callContext } from "../../support/call-context.ts";
import { around, faultyEventLog } from "../../support/faulty.ts";
import type { DecisionChoice, OutcomeChoice } from "../../support/learning-agent.ts";
import { findFaults, queryOf } from "../../support/outage-ledger.ts";
import {
  type OutageMode,
  type OutageService,
  type OutageSite,
  openOutageSite,
  untilEmpty,
} from "../../support/outage-site.ts";
import { newGenerationId } from "../../support/state-samples.ts";

let site: OutageSite;
let queue: SqliteDiskQueue;
let service: OutageService;
let codeTypes = 0;
let codeType: string;

beforeAll(async () => {
  site = await openOutageSite();
});
afterAll(() => site.remove());
beforeEach(async () => {
  codeTypes += 1;
  codeType = `c${codeTypes}`;
  queue = site.openQueue();
  service = await site.open({ spool: queue });
});
afterEach(() => service.close());

const select = (choice: DecisionChoice = {}, of = service) => of.agent.decide(codeType, choice);
/** CI has passed. */
const outcome = (generationId: GenerationId, outcomeId: string, choice: OutcomeChoice = {}) =>
  service.agent.reportCi({ generationId }, { outcomeId, ...choice });
/** The other one of the two variants. */
const notThat = ({ variant }: { variant: { id: string } }): string =>
  variant.id.includes("one") ? "two" : "one";
/** Nothing is applied from the spool before this. */
async function storeIsBack(): Promise<void> {
  service.outage.mode = "up";
  await vi.waitFor(async () => expect(await service.metric("bandit_state_available")).toBe(1));
}
async function recover(): Promise<void> {
  service.outage.mode = "up";
  await untilEmpty(queue);
}
async function logged() {
  await service.running.drain.flush();
  return readLoggedEvents(queryOf(site.engines.eventLog), [codeType]);
}
/** All of this is in the event log once, nothing else was learned from. An outcome is `<generation>/<outcome>`. */
async function expectKept(acknowledged: {
  decisions: string[];
  generations?: string[];
  outcomes?: string[];
}): Promise<void> {
  await service.running.drain.flush();
  const { eventLog, state } = site.engines;
  const [decisions, generations, outcomes] = [
    new Set(acknowledged.decisions),
    new Set(acknowledged.generations),
    new Set(acknowledged.outcomes),
  ];
  const ids = { decisions, generations, outcomes };
  expect(await findFaults({ codeType, eventLog, state, ...ids })).toEqual([]);
}
/** Of each outcome in the event log whether it was late, and learned from. */
async function outcomeRows(...ids: string[]) {
  await service.running.drain.flush();
  const { rows } = await site.engines.eventLog.query({
    sql: `SELECT outcome_id, late, learned FROM outcomes
      WHERE code_type = '${codeType}' AND outcome_id IN (${ids.map((id) => `'${id}'`)}) ORDER BY outcome_id`,
    rowsMax: 10,
    timeoutMs: 5000,
  });
  return rows;
}

describe.each<OutageMode>(["down", "answers_lost", "silent", "silent_done"])(
  "a state store that is %s",
  (mode) => {
    it("costs no decision, report or outcome: what is answered meanwhile is kept, marked, and applied once", async () => {
      const before = (await select()).generationId;
      expect(await outcome(before, "before")).toBe("applied");
      service.outage.mode = mode;
      const decision = await select();
      expect(decision).toMatchObject({ degraded: true });
      expect(decision.degradedReason).toContain("kept on disk");
      const during = decision.generationId;
      expect(await outcome(before, "before")).toBe("spooled");
      expect(await outcome(before, "during", { occurredAtMs: Date.now() - 60_000 })).toBe(
        "spooled",
      );
      expect(await outcome(during, "during")).toBe("spooled");
      expect(await outcome(during, "during")).toBe("spooled");
      expect(await service.agent.reportRun(decision)).toBe("spooled");
      expect(await service.metric("bandit_state_available")).toBe(0);
      expect(await service.metric("bandit_spool_records")).toBe(queue.size.records);
      expect(queue.size.records).toBe(5);
      await recover();
      expect(await outcome(during, "during")).toBe("duplicate");
      expect(await service.agent.reportRun(decision)).toBe("duplicate");
      const again = await select({ generationId: during });
      expect(again).toEqual({ ...decision, degraded: false, degradedReason: "" });
      await expectKept({
        decisions: [before, during],
        generations: [during],
        outcomes: [`${before}/before`, `${before}/during`, `${during}/during`],
      });
      expect((await logged()).tables.outcomes.ids).toHaveLength(3);
      expect(await service.metric("bandit_spool_applied_total", "dead")).toBe(0);
      expect(await service.metric("bandit_spool_records")).toBe(0);
    });
  },
);

it("an outcome that was received in time is not late because it was applied later; by its own time it is", async () => {
  const { generationId } = await select();
  const young = (await select()).generationId;
  service.outage.mode = "down";
  expect(await outcome(generationId, "in_time")).toBe("spooled");
  site.clock.aheadMs += 3_500_000;
  expect(await outcome(young, "still_in_time")).toBe("spooled");
  await recover();
  expect(await outcomeRows("in_time", "still_in_time")).toEqual([
    ["in_time", 0, 1],
    ["still_in_time", 0, 1],
  ]);
  // After the window, what comes is late; what had come in time is learned all the same, for an hour.
  service.outage.mode = "down";
  const waiting = (await select()).generationId;
  expect(await outcome(waiting, "waited")).toBe("spooled");
  site.clock.aheadMs += 3_700_000;
  expect(await outcome(generationId, "too_late")).toBe("spooled");
  const behind = (await select()).generationId;
  expect(await outcome(behind, "waited_too_long")).toBe("spooled");
  await recover();
  expect(await outcomeRows("waited", "too_late")).toEqual([
    ["too_late", 1, 0],
    ["waited", 0, 1],
  ]);
  service.outage.mode = "down";
  const last = (await select()).generationId;
  expect(await outcome(last, "waited_for_hours")).toBe("spooled");
  site.clock.aheadMs += 7_300_000;
  await recover();
  expect(await outcomeRows("waited_for_hours")).toEqual([["waited_for_hours", 0, 0]]);
  await expectKept({ decisions: [waiting, behind, last] });
});

it("a default reward that another replica has booked meanwhile is replaced by an outcome that was received in time", async () => {
  await service.agent.setPolicy({ defaultReward: 0.25 }, codeType);
  const other = await site.open({ spool: site.openQueue() });
  const { generationId } = await select();
  const silent = (await select()).generationId;
  await service.running.drain.flush();
  site.clock.aheadMs += 3_590_000;
  service.outage.mode = "down";
  expect(await outcome(generationId, "in_time")).toBe("spooled");
  site.clock.aheadMs += 20_000;
  expect(await other.running.defaultRewards.run()).toBe(2);
  await recover();
  await other.running.drain.flush();
  await other.close();
  expect(await outcomeRows("in_time")).toEqual([["in_time", 0, 1]]);
  // One generation is worth what CI said, the other one the default.
  expect(await site.learned(codeType)).toEqual({ reward: 1.25, weight: 2 });
  expect(await outcome(silent, "late")).toBe("late");
});

it("neither a user's id nor content is in the spool in the clear", async () => {
  service.outage.mode = "down";
  const decision = await select();
  const user = { comment: "good", userId: "alice@example.com" };
  const rating = { source: "user_rating", overall: 4, ...user } as const;
  const { agent } = service;
  expect(await agent.recordOutcome(decision, rating, { outcomeId: "rated" })).toBe("spooled");
  expect(await agent.reportRun(decision, { content: "def secret(): pass" })).toBe("spooled");
  const records = queue.read({ bytesMax: 2 ** 20 });
  const texts = records.map(({ text }) => text).join("\n");
  expect(texts).toContain("rated");
  expect(texts).not.toMatch(/alice|secret/);
  await recover();
});

it("the same generation id gets the same answer during the outage, from whichever process and however close", async () => {
  service.outage.mode = "silent";
  const generationId = newGenerationId();
  const answers = await Promise.all([1, 2, 3].map(() => select({ generationId })));
  service.kill();
  service = await site.open({ spool: queue });
  service.outage.mode = "down";
  answers.push(await select({ generationId }));
  expect(new Set(answers.map(({ variant }) => variant.id)).size).toBe(1);
  expect(answers.every(({ degraded }) => degraded)).toBe(true);
  expect(queue.size.records).toBe(1);
  await expect(service.agent.decide("another", { generationId })).rejects.toMatchObject({
    reason: "GENERATION_ID_TAKEN",
  });
  await recover();
  await expectKept({ decisions: [generationId] });
});

it("a decision that another replica had stored before stays; the conflict is counted, and reports count for that one", async () => {
  service.outage.mode = "down";
  const generationId = newGenerationId();
  const ours = await select({ generationId });
  expect(await outcome(generationId, "o")).toBe("spooled");
  const other = await site.open({ spool: site.openQueue() });
  const theirs = await select({ generationId, only: notThat(ours) }, other);
  expect(theirs.variant.id).not.toBe(ours.variant.id);
  await recover();
  expect(await service.metric("bandit_spool_applied_total", "conflict")).toBe(1);
  // What was answered and does not count is not lost without a trace; trying it again changes nothing.
  const letters = await lettersAbout(generationId);
  expect(letters.map(({ error }) => error)).toEqual([expect.stringContaining(ours.variant.id)]);
  const ids = letters.map(({ id }) => id);
  expect(await replay(ids)).toMatchObject({ replayed: 0, refused: [{ attempts: 2 }] });
  expect(await outcome(generationId, "later")).toBe("replaced");
  await other.close();
  const { decisions } = await logged();
  expect([...decisions].map(([id, { variantId }]) => [id, variantId])).toEqual([
    [generationId, theirs.variant.id],
  ]);
  await expectKept({
    decisions: [generationId],
    outcomes: [`${generationId}/o`, `${generationId}/later`],
  });
});

const replay = (ids: string[]) =>
  service.running.service.deadLetters.replayDeadLetters(ids, callContext);
async function lettersAbout(generationId: GenerationId) {
  const { items } = await service.running.service.deadLetters.listDeadLetters({
    pageSize: 1000,
    pageToken: "",
    kind: "spooled",
  });
  return items.filter(({ error }) => error.includes(generationId));
}

it("a report waits for a spooled decision that cannot be settled yet, and counts for the arm that stays", async () => {
  let isSlow = true;
  await service.close();
  service = await site.open({
    spool: queue,
    wrapState: (state) =>
      around(state, (call, method) => {
        if (method !== "recordDecision" || !isSlow) return call();
        const slow = { reason: "DEADLINE_EXCEEDED" };
        throw new BanditError("deadline_exceeded", "slow", slow);
      }),
  });
  const other = await site.open({ spool: site.openQueue() });
  isSlow = false;
  const known = (await select()).generationId;
  service.outage.mode = "down";
  const generationId = newGenerationId();
  const ours = await select({ generationId });
  expect(await outcome(generationId, "o")).toBe("spooled");
  const theirs = await select({ generationId, only: notThat(ours) }, other);
  expect(await outcome(known, "o")).toBe("spooled");
  isSlow = true;
  service.outage.mode = "up";
  await vi.waitFor(() => expect(queue.find(`o:${known}:o`)).toBeUndefined(), 10_000);
  expect(queue.size.records).toBe(2);
  isSlow = false;
  await untilEmpty(queue);
  await other.close();
  expect((await logged()).decisions.get(generationId)?.variantId).toBe(theirs.variant.id);
  await expectKept({
    decisions: [generationId, known],
    outcomes: [`${generationId}/o`, `${known}/o`],
  });
});

it("a report waits for the decision of a replica that is away for long, without holding others up, for as long as it may come", async () => {
  const spoolOfOther = site.openQueue();
  let other = await site.open({ spool: spoolOfOther });
  const known = (await select()).generationId;
  service.outage.mode = "down";
  other.outage.mode = "down";
  const away = (await select({}, other)).generationId;
  const invented = "7f3c1a52-9a3e-4c7b-8a51-0f6f5d2e9b10" as GenerationId;
  expect(await outcome(away, "o")).toBe("spooled");
  expect(await outcome(invented, "o")).toBe("spooled");
  other.kill();
  await storeIsBack();
  site.clock.aheadMs += 61_000;
  // The one that nobody can bring is a dead letter; the other one waits, and shows.
  await vi.waitFor(() => expect(queue.size.records).toBe(1), 20_000);
  expect(await lettersAbout(invented)).toHaveLength(1);
  expect(await lettersAbout(away)).toEqual([]);
  service.outage.mode = "down";
  expect(await outcome(known, "behind")).toBe("spooled");
  service.outage.mode = "up";
  await vi.waitFor(() => expect(queue.find(`o:${known}:behind`)).toBeUndefined(), 10_000);
  expect(queue.size.records).toBe(1);
  other = await site.open({ spool: spoolOfOther });
  await untilEmpty(spoolOfOther);
  await untilEmpty(queue);
  await other.running.drain.flush();
  await expectKept({ decisions: [away, known], outcomes: [`${away}/o`, `${known}/behind`] });
  // One whose time is over waits no longer.
  service.outage.mode = "down";
  other.outage.mode = "down";
  const lost = (await select({}, other)).generationId;
  expect(await outcome(lost, "o")).toBe("spooled");
  other.kill();
  await storeIsBack();
  site.clock.aheadMs += 2 * 3_600_000 + 60_000;
  await untilEmpty(queue);
  expect(await lettersAbout(lost)).toHaveLength(1);
});

describe("a spooled record that cannot be read", () => {
  it("fails no call: the decision is answered, not stored, and a report on it waits", async () => {
    service.outage.mode = "down";
    const generationId = newGenerationId();
    await queue.append([
      { key: `d:${generationId}`, text: "not of this version" },
      { key: `o:${generationId}:o`, text: '{"version":99}' },
    ]);
    const decision = await select({ generationId });
    expect(decision).toMatchObject({ generationId, degraded: true });
    expect(decision.degradedReason).toContain("SPOOLED_RECORD_UNREADABLE");
    // Nor does one in its place swallow the report that is acknowledged.
    expect(await outcome(generationId, "o")).toBe("spooled");
    expect(queue.size.records).toBe(3);
    expect(await service.metric("bandit_spool_unreadable_total")).toBeGreaterThan(0);
  });

  it("is a dead letter once the store answers; the decision is made anew, and the report counts", async () => {
    const generationId = newGenerationId();
    service.outage.mode = "down";
    await queue.append([{ key: `d:${generationId}`, text: "not of this version" }]);
    expect(await outcome(generationId, "o")).toBe("spooled");
    await storeIsBack();
    expect(await select({ generationId })).toMatchObject({ degraded: false });
    await recover();
    expect(await service.metric("bandit_spool_applied_total", "dead")).toBe(1);
    await expectKept({ decisions: [generationId], outcomes: [`${generationId}/o`] });
  });
});

it("a report on a generation that nobody decided is told so while the store answers, and is a dead letter when it could not be", async () => {
  const unknown = "0b0e6a3c-52a1-4d5e-9f0a-6d1c8e7b4a90" as GenerationId;
  await expect(outcome(unknown, "o")).rejects.toMatchObject({ reason: "GENERATION_NOT_FOUND" });
  service.outage.mode = "down";
  expect(await outcome(unknown, "o")).toBe("spooled");
  await storeIsBack();
  // Another replica may still bring the decision, so for a while it waits, and so does another one like it.
  expect(await outcome(unknown, "p")).toBe("spooled");
  expect(queue.size.records).toBe(2);
  site.clock.aheadMs += 61_000;
  await untilEmpty(queue);
  expect(await service.metric("bandit_spool_applied_total", "dead")).toBe(2);
  const letters = await lettersAbout(unknown);
  expect(letters.map(({ error }) => error)).toEqual([
    expect.stringContaining(unknown),
    expect.stringContaining(unknown),
  ]);
  // Once the decision is there, the letters can be replayed; twice is once.
  await select({ generationId: unknown });
  const ids = letters.map(({ id }) => id);
  expect(await replay(ids)).toMatchObject({ replayed: 2 });
  await expectKept({ decisions: [unknown], outcomes: [`${unknown}/o`, `${unknown}/p`] });
});

it("a decision that another replica brings later is waited for", async () => {
  const unknown = newGenerationId();
  service.outage.mode = "down";
  expect(await outcome(unknown, "o")).toBe("spooled");
  await storeIsBack();
  const other = await site.open({ spool: site.openQueue() });
  await select({ generationId: unknown }, other);
  await untilEmpty(queue);
  await other.close();
  await expectKept({ decisions: [unknown], outcomes: [`${unknown}/o`] });
});

it("while the event log is down too, young generations are applied, and old ones wait without holding them up", async () => {
  const old = (await select()).generationId;
  await service.running.drain.flush();
  for (let made = 0; made < 10; made += 1) await select();
  site.clock.aheadMs += 5 * 3_600_000;
  while ((await site.engines.state.findDecision(old)) !== undefined) {
    site.clock.aheadMs += 3_600_000;
  }
  let isLogDown = true;
  const { eventLog } = site.engines;
  await service.close();
  service = await site.open({
    spool: queue,
    eventLog: faultyEventLog(eventLog, () => (isLogDown ? { kind: "refused" } : undefined)),
  });
  expect(await outcome(old, "late")).toBe("spooled");
  service.outage.mode = "down";
  const young = (await select()).generationId;
  expect(await outcome(young, "o")).toBe("spooled");
  service.outage.mode = "up";
  await vi.waitFor(() => expect(queue.size.records).toBe(1), 10_000);
  expect(queue.find(`o:${old}:late`)).toBeDefined();
  isLogDown = false;
  await untilEmpty(queue);
  await expectKept({ decisions: [old, young], outcomes: [`${old}/late`, `${young}/o`] });
});

it("a full spool refuses reports with a reason and counts them, answers decisions all the same, and takes again later", async () => {
  await service.close();
  queue = site.openQueue(3000);
  service = await site.open({ spool: queue });
  const known = (await select()).generationId;
  service.outage.mode = "down";
  const kept = new Set<string>();
  let refusal: unknown;
  for (let made = 0; refusal === undefined && made < 100; made += 1) {
    try {
      await outcome(known, `o${made}`, { occurredAtMs: Date.now() - 100_000 + made });
      kept.add(`${known}/o${made}`);
    } catch (error) {
      refusal = error;
    }
  }
  expect(refusal).toMatchObject({
    code: "resource_exhausted",
    reason: "SPOOL_FULL",
    retryAfterMs: expect.any(Number),
  });
  expect(kept.size).toBeGreaterThan(5);
  const decision = await select();
  expect(decision.degradedReason).toContain("not stored (SPOOL_FULL)");
  expect(await service.metric("bandit_reports_refused_total", "SPOOL_FULL")).toBe(1);
  expect(await service.metric("bandit_decisions_unrecorded_total", "SPOOL_FULL")).toBe(1);
  await recover();
  await expectKept({ decisions: [known], outcomes: [...kept] });
  service.outage.mode = "down";
  expect(await outcome(known, "room_again")).toBe("spooled");
  await recover();
});

it("a call that comes after its deadline does nothing, one that is cut off by it is kept, and the store is not taken to be down", async () => {
  await service.close();
  service = await site.open({ spool: queue, stateTimeoutMs: 10_000 });
  const { generationId } = await select();
  const calls = service.outage.calls;
  const past = Date.now() + site.clock.aheadMs - 1;
  await expect(select({ deadlineMs: past })).rejects.toMatchObject({ code: "deadline_exceeded" });
  await expect(outcome(generationId, "o", { deadlineMs: past })).rejects.toMatchObject({
    reason: "DEADLINE_EXCEEDED",
  });
  expect(queue.size.records).toBe(0);
  service.outage.mode = "silent_done";
  const soon = Date.now() + site.clock.aheadMs + 400;
  expect(await outcome(generationId, "cut", { deadlineMs: soon })).toBe("spooled");
  expect(await service.metric("bandit_state_available")).toBe(1);
  service.outage.mode = "up";
  await untilEmpty(queue);
  expect(service.outage.calls).toBeGreaterThan(calls);
  await expectKept({ decisions: [generationId], outcomes: [`${generationId}/cut`] });
});

it("what a configuration with Redis has left in the spool is applied by one without", async () => {
  service.outage.mode = "down";
  const { generationId } = await select();
  expect(await outcome(generationId, "o")).toBe("spooled");
  service.kill();
  service = await site.open({ spool: queue, stateTimeoutMs: undefined });
  await untilEmpty(queue);
  await expectKept({ decisions: [generationId], outcomes: [`${generationId}/o`] });
});
