import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { LearningAgent } from "../../support/learning-agent.ts";
import { rebuild, totalsByArm } from "../../support/rebuild.ts";
import { openSiteOfTest } from "../../support/use-site.ts";

vi.setConfig({ testTimeout: 60_000 });

it.each([365, undefined])(
  "an event log that was emptied is a difference, and unlearns nothing (retention %s days)",
  async (days) => {
    const site = await openSiteOfTest();
    const changes = () => (days === undefined ? {} : { eventRetentionDays: days });
    let replica = await site.open({ changes });
    const forgotten = new LearningAgent({ service: replica.service, name: "forgotten" });
    await forgotten.create(["a", "b"]);
    await forgotten.teach("c", "a", 0.5);
    await forgotten.teach("c", "b", 0.25);
    expect((await rebuild(replica.service, { check: true })).summary).toMatchObject({
      ...{ arms: 2, armsDifferent: 0, armsBeyondLog: 0, armsWithoutEvents: 0 },
    });
    const { dataDirectory } = replica.service.insight.info();
    await replica.close();
    rmSync(join(dataDirectory, "events"), { recursive: true });

    replica = await site.open({ changes });
    // Another agent type's events are no proof that the first one's were deleted in their time.
    const known = new LearningAgent({ service: replica.service, name: "known" });
    await known.create(["a"]);
    await known.teach("c", "a", 1);
    const before = await totalsByArm(replica.engines.state);
    const lacking = { arms: 3, armsBeyondLog: 0, armsUnsettled: 0, armsWithoutEvents: 2 };
    const checked = await rebuild(replica.service, { check: true });
    expect(checked.summary).toMatchObject({ ...lacking, armsDifferent: 2 });
    for (const difference of checked.differences) {
      expect(difference).toContain(`${forgotten.agentType} c `);
    }
    const rebuilt = await rebuild(replica.service);
    expect(rebuilt.summary).toMatchObject({ ...lacking, armsDifferent: 0, armsReplaced: 0 });
    expect(await totalsByArm(replica.engines.state)).toEqual(before);
  },
);
