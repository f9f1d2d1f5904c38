import { beforeEach, describe, expect, it } from "vitest";
import { catalogueSnapshotFile } from "../../../../src/adapters/system/catalogue-snapshot-file.ts";
import { posteriorSnapshotFile } from "../../../../src/adapters/system/posterior-snapshot-file.ts";
import { defaultPolicy } from "../../../../src/bandit/default-policy.ts";
import {
  type AgentType,
  type CodeType,
  parseAgentType,
  type VariantId,
} from "../../../../src/domain/ids.ts";
import type { PolicyRecord } from "../../../../src/domain/policy.ts";
import type { Variant } from "../../../../src/domain/variant.ts";
import type { AgentTypeRecord, CatalogueSnapshot } from "../../../../src/ports/catalogue.ts";
import type { ArmTotals } from "../../../../src/ports/state-store.ts";
import { variantNamed, wholePolicy } from "../../../support/catalogue-samples.ts";
import { silentLogger, systemClock } from "../../../support/state-samples.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});

// Everything that a record can have. A field that is added to one does not compile here: then the version of the
// snapshot's format goes up (`catalogue-snapshot-file.ts`), because older files lack it.

const agentType: Required<AgentTypeRecord> = {
  agentType: parseAgentType("evolution"),
  description: "“quoted”\nand broken",
  mode: "frozen",
  modeSinceMs: 1,
  createdAtMs: 2,
};
const policy: Required<PolicyRecord> = {
  agentType: agentType.agentType,
  codeType: "python_class" as CodeType,
  policy: wholePolicy,
  forgetting: { sinceMs: 3, position: 0.1 },
  featuresSinceMs: 4,
  updatedAtMs: 5,
  etag: "e",
};
const variant: Required<Variant> = {
  ...variantNamed("one", true),
  description: "one",
  parentId: "evolution/zero@1" as VariantId,
  createdAtMs: 6,
  updatedAtMs: 7,
  promptTemplate: "Write {{tests}}\r\n\u2028 for 💡",
  model: "m",
  temperature: 0,
  topP: 0.5,
  maxTokens: 10,
  parameters: { nested: [1, null, { deep: true }] },
};

describe("the catalogue's snapshot", () => {
  it("gives back every field of every record", async () => {
    const snapshot: CatalogueSnapshot = {
      revision: 17,
      serviceMode: "learning",
      agentTypes: [agentType],
      policies: [policy, { ...policy, policy: defaultPolicy }],
      variants: [variant],
    };
    const file = () =>
      catalogueSnapshotFile({ directory, clock: systemClock, logger: silentLogger });
    expect(await file().find()).toBeUndefined();
    await file().save(snapshot);
    const found = await file().find();
    expect(found?.snapshot).toEqual(snapshot);
    expect(found?.savedAtMs).toBeGreaterThan(0);
  });
});

describe("the posteriors' snapshot", () => {
  const arms: ArmTotals[] = Array.from({ length: 100 }, (_, at) => ({
    agentType: "evolution" as AgentType,
    codeType: `code_${at}` as CodeType,
    variantId: "evolution/one@1" as VariantId,
    version: at + 1,
    totals: {
      reward: Math.PI * at,
      weight: at + 1e-17,
      squares: Number.MIN_VALUE,
      generations: at,
      position: 1 / 3,
      ...(at % 2 === 0
        ? {}
        : { context: { epoch: at, products: [0.1 + 0.2, 1, 2], rewards: [3, -4] } }),
    },
  }));

  it("gives back every number as it was", async () => {
    const options = { directory, clock: systemClock, logger: silentLogger };
    await posteriorSnapshotFile(options).save(arms);
    expect((await posteriorSnapshotFile(options).find())?.arms).toEqual(arms);
  });

  it("is not written beyond its bound, and the last one stays", async () => {
    const options = { directory, clock: systemClock, logger: silentLogger, bytesMax: 2_000 };
    const file = posteriorSnapshotFile(options);
    await file.save(arms.slice(0, 3));
    await expect(file.save(arms)).rejects.toMatchObject({ reason: "SNAPSHOT_TOO_LARGE" });
    expect((await file.find())?.arms).toHaveLength(3);
  });
});
