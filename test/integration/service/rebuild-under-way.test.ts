import { expect, it, vi } from "vitest";
import { callContext } from "../../support/call-context.ts";
import { emptyRedis, rebuild, totalsByArm } from "../../support/rebuild.ts";
import { until } from "../../support/until.ts";
import { useReplica } from "../../support/use-site.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const site = useReplica("servers");

it("what was learned from dead letters is not unlearned: a rebuild does not begin before they are gone", async () => {
  const agent = await site.agent({}, ["a"]);
  const front = await site.clickhouse();
  await agent.teach("fine", "a", 1);
  await site.running.drain.flush();
  await front.command("ALTER TABLE bandit.outcomes ADD CONSTRAINT none CHECK code_type != 'bad'");
  await agent.teach("bad", "a", 0.5);
  const before = await totalsByArm(site.engines.state);

  const checked = await rebuild(site.service, { check: true });
  expect(checked.summary).toMatchObject({ armsDifferent: 1, deadLetters: 1 });
  await expect(rebuild(site.service)).rejects.toMatchObject({
    code: "failed_precondition",
    reason: "DEAD_LETTERS_PENDING",
  });
  expect(await totalsByArm(site.engines.state)).toEqual(before);

  await front.command("ALTER TABLE bandit.outcomes DROP CONSTRAINT none");
  const { refused } = await site.service.deadLetters.replayDeadLetters([], callContext);
  expect(refused).toEqual([]);
  expect((await rebuild(site.service)).summary).toMatchObject({
    ...{ armsDifferent: 0, armsWithoutEvents: 0, deadLetters: 0 },
  });
  expect(await totalsByArm(site.engines.state)).toEqual(before);
});

it("a code type of which there is nothing yet but an insert under way is restored too", async () => {
  const agent = await site.agent({}, ["a"]);
  const front = await site.clickhouse();
  const decision = await agent.decide("new");
  await site.running.drain.flush();
  const isInsert = (sql = "") => /^\s*INSERT INTO\s+\S*outcomes/i.test(sql);
  const inserts = () => front.statements().filter(isInsert).length;
  const insertsBefore = inserts();
  front.failAlways(() => (isInsert(front.statements().at(-1)) ? "slow" : undefined));
  await agent.report(decision, 0.5, { outcomeId: "o" });
  const before = await totalsByArm(site.engines.state);
  await until("it is being inserted", 10_000, () => inserts() > insertsBefore);
  await emptyRedis(site.redisUrl as string);

  const { summary } = await rebuild(site.service);
  expect(summary.armsUnsettled).toBe(0);
  expect(await totalsByArm(site.engines.state)).toEqual(before);
});
