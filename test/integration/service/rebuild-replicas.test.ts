import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { Decision } from "../../../src/service/api/decisions.ts";
import { LearningAgent } from "../../support/learning-agent.ts";
import { mixedHistory } from "../../support/mixed-history.ts";
import { emptyRedis, rebuild, totalsByArm } from "../../support/rebuild.ts";
import { openSite, type Replica, type Site } from "../../support/site.ts";
import { until } from "../../support/until.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let site: Site;
let replicas: Replica[];
const changes = () => ({ totalsSyncIntervalMs: 50 });

beforeAll(async () => {
  site = await openSite("servers");
  replicas = await Promise.all([0, 1].map((replica) => site.open({ replica, changes })));
});
afterAll(() => site.remove());

const [first, second, third] = [0, 1, 2].map((at) => () => replicas[at] as Replica) as [
  () => Replica,
  () => Replica,
  () => Replica,
];

function total(arms: readonly (readonly number[])[]): number {
  return arms.reduce((sum, [generations = 0]) => sum + generations, 0);
}

it("a Redis emptied under two replicas: both go on with what they know, and all have it again after a rebuild by one", async () => {
  const { agents } = await mixedHistory(site, first());
  const agent = agents[0] as LearningAgent;
  const codeType = "shared";
  for (let task = 0; task < 20; task += 1) {
    agent.moveTo((task % 2 === 0 ? first() : second()).service);
    await agent.teach(codeType, task % 3 === 0 ? "b" : "a", (task % 10) / 10);
  }
  const open: Decision = await agent.decide(codeType);
  const posteriors = async ({ service }: Replica) => {
    agent.moveTo(service);
    const { arms } = await agent.allocation(codeType);
    return arms.map(({ generations, effectiveWeight }) => [generations, effectiveWeight]);
  };
  await vi.waitFor(async () => expect(total(await posteriors(first()))).toBe(20));
  const known = await posteriors(first());
  await vi.waitFor(async () => expect(await posteriors(second())).toEqual(known));
  const before = await totalsByArm(first().engines.state);

  await Promise.all(replicas.map(({ running }) => running.drain.flush()));
  await emptyRedis(site.redisUrl as string);
  for (const { running } of replicas) {
    await until("the loss is noticed", 10_000, () => running.stateLost());
  }
  // One that starts now has nothing but the event log's word for it.
  replicas.push(await site.open({ replica: 2, changes }));
  await until("the loss is known", 10_000, () => third().running.stateLost());
  expect(await posteriors(first())).toEqual(known);
  expect(await posteriors(second())).toEqual(known);
  agent.moveTo(third().service);
  await expect(agent.report(open, 1, { outcomeId: "o" })).rejects.toMatchObject({
    code: "unavailable",
    reason: "STATE_LOST",
  });

  const { summary } = await rebuild(second().service);
  expect(summary.armsUnsettled).toBe(0);
  for (const replica of replicas) {
    await vi.waitFor(async () => expect(await posteriors(replica)).toEqual(known), 10_000);
    await until("nothing is lost any more", 10_000, () => !replica.running.stateLost());
  }
  expect([...(await totalsByArm(third().engines.state)).keys()]).toEqual([...before.keys()]);

  agent.moveTo(third().service);
  expect(await agent.report(open, 1, { outcomeId: "o" })).toBe("applied");
  for (const replica of replicas) {
    await vi.waitFor(async () => {
      expect(total(await posteriors(replica))).toBe(total(known) + 1);
    }, 10_000);
  }
  for (const replica of replicas) {
    const checked = await rebuild(replica.service, { check: true });
    expect(checked.differences).toEqual([]);
    expect(checked.summary.armsUnsettled).toBe(0);
  }
});

it("a check by one replica counts what another one has acknowledged and not yet written", async () => {
  const agent = new LearningAgent({ service: first().service, name: "elsewhere" });
  await agent.create(["only"]);
  await agent.teach("c", "only", 0.5);
  await vi.waitFor(async () => {
    agent.moveTo(second().service);
    await agent.teach("c", "only", 0.25);
  });
  const checked = await rebuild(first().service, { check: true, agentType: agent.agentType });
  expect(checked.differences).toEqual([]);
  expect(checked.summary).toMatchObject({ arms: 1, armsUnsettled: 0, eventsRead: 2 });
});
