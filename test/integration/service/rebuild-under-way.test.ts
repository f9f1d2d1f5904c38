import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { until } from "../../conformance/state-store-harness.ts";
import { type ClickHouseFront, startClickHouseFront } from "../../support/clickhouse-front.ts";
import { LearningAgent } from "../../support/learning-agent.ts";
import { rebuild, totalsByArm } from "../../support/rebuild.ts";
import { openSite, type Replica, type Site } from "../../support/site.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let front: ClickHouseFront;
let site: Site;
let replica: Replica;

beforeAll(async () => {
  front = await startClickHouseFront();
  site = await openSite("servers", { clickhouseUrl: front.url });
  replica = await site.open();
});
afterAll(async () => {
  await site.remove();
  await front.stop();
});

it("what was learned from dead letters is not unlearned: a rebuild does not begin before they are gone", async () => {
  const agent = new LearningAgent({ service: replica.service, name: "refused" });
  await agent.create(["a"]);
  await agent.teach("fine", "a", 1);
  await replica.running.drain.flush();
  await front.command("ALTER TABLE bandit.outcomes ADD CONSTRAINT none CHECK code_type != 'bad'");
  await agent.teach("bad", "a", 0.5);
  const before = await totalsByArm(replica.engines.state);

  const checked = await rebuild(replica.service, { check: true });
  expect(checked.summary).toMatchObject({ armsDifferent: 1, deadLetters: 1 });
  await expect(rebuild(replica.service)).rejects.toMatchObject({
    code: "failed_precondition",
    reason: "DEAD_LETTERS_PENDING",
  });
  expect(await totalsByArm(replica.engines.state)).toEqual(before);

  await front.command("ALTER TABLE bandit.outcomes DROP CONSTRAINT none");
  const context = { signal: new AbortController().signal, actor: "test" };
  expect(await replica.service.deadLetters.replayDeadLetters([], context)).toMatchObject({
    refused: [],
  });
  expect((await rebuild(replica.service)).summary).toMatchObject({
    ...{ armsDifferent: 0, armsWithoutEvents: 0, deadLetters: 0 },
  });
  expect(await totalsByArm(replica.engines.state)).toEqual(before);
});

it("a code type of which there is nothing yet but an insert under way is restored too", async () => {
  const agent = new LearningAgent({ service: replica.service, name: "hurried" });
  await agent.create(["a"]);
  const decision = await agent.decide("new");
  await replica.running.drain.flush();
  const isInsert = (sql = "") => /^\s*INSERT INTO\s+\S*outcomes/i.test(sql);
  const inserts = () => front.statements().filter(isInsert).length;
  const insertsBefore = inserts();
  front.failAlways(() => (isInsert(front.statements().at(-1)) ? "slow" : undefined));
  await agent.report(decision, 0.5, { outcomeId: "o" });
  const before = await totalsByArm(replica.engines.state);
  await until("it is being inserted", 10_000, () => inserts() > insertsBefore);
  const admin = new Redis(site.redisUrl as string);
  await admin.flushall();
  admin.disconnect();

  const { summary } = await rebuild(replica.service);
  expect(summary.armsUnsettled).toBe(0);
  expect(await totalsByArm(replica.engines.state)).toEqual(before);
});
