import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { parseAgentType, parseCodeType } from "../../src/domain/ids.ts";
import type { Policy } from "../../src/domain/policy.ts";
import type { Variant } from "../../src/domain/variant.ts";
import type { Catalogue } from "../../src/ports/catalogue.ts";
import { linearAlgorithm } from "../support/algorithms-with-defaults.ts";
import {
  actor,
  type CatalogueFixture,
  changeOf,
  changesOf,
  createAgentType,
  expectBanditError,
  freshAgentType,
  newVariant,
  policy,
} from "./catalogue-fixture.ts";
import { describeVariants } from "./catalogue-variants-conformance.ts";

const unknown = parseAgentType("nobody-made-this");
const codeType = parseCodeType("python_class");

/** What every implementation of the port promises; each adapter's test is one call to it. */
export function describeCatalogue(name: string, make: () => Promise<CatalogueFixture>): void {
  describe(`${name} keeps the promises of the catalogue`, () => {
    let fixture: CatalogueFixture;
    const catalogue = (): Catalogue => fixture.catalogue;
    beforeAll(async () => {
      fixture = await make();
    });
    afterAll(() => fixture.close());

    describeAgentTypes(catalogue);
    describePolicies(catalogue);
    describeVariants(catalogue);
    describeModes(catalogue);
    describeChanges(catalogue);
    describeStorage(() => fixture);
  });
}

function describeAgentTypes(catalogue: () => Catalogue): void {
  const { createType } = changesOf(catalogue);

  test("creates an agent type with its policy and variants, the first one the baseline", async () => {
    const agentType = freshAgentType();
    const [first, second] = [newVariant("first"), newVariant("second", { status: "draft" })];
    const input = { agentType, description: "d", policy };
    const record = await createType({ ...input, variants: [first, second] });
    expect(record).toMatchObject({ agentType, description: "d", mode: "learning" });
    expect(Math.abs(record.createdAtMs - Date.now())).toBeLessThan(60_000);

    const snapshot = await catalogue().load();
    expect(snapshot.agentTypes).toContainEqual(record);
    const own = snapshot.policies.filter((stored) => stored.agentType === agentType);
    expect(own).toHaveLength(1);
    expect(own[0]?.policy).toEqual(policy);
    expect(own[0]?.codeType).toBeUndefined();
    expect(snapshot.variants.filter((variant) => variant.agentType === agentType)).toMatchObject([
      { id: `${agentType}/first@1`, isBaseline: true, status: "active", version: 1 },
      { id: `${agentType}/second@1`, isBaseline: false, status: "draft", version: 1 },
    ]);
  });

  test("creates no more agent types than there may be, however many are asked for at once", async () => {
    const before = (await catalogue().load()).agentTypes.length;
    const input = { description: "", policy, variants: [newVariant("only")] } as const;
    const asked = Array.from({ length: 8 }, () =>
      createType({ ...input, agentType: freshAgentType(), agentTypesMax: before + 3 }),
    );
    const refused = (await Promise.allSettled(asked)).filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(5);
    for (const { reason } of refused as PromiseRejectedResult[]) {
      expect(reason).toMatchObject({ code: "resource_exhausted", reason: "TOO_MANY_AGENT_TYPES" });
    }
    expect((await catalogue().load()).agentTypes).toHaveLength(before + 3);
  });

  test("refuses an agent type that exists and stores nothing of the second one", async () => {
    const { agentType } = await createAgentType(catalogue(), "first");
    const before = await catalogue().load();
    const variants = [newVariant("other")] as const;
    const second = createType({ agentType, description: "again", policy, variants });
    await expectBanditError(second, "already_exists", "AGENT_TYPE_EXISTS");
    expect(await catalogue().load()).toEqual(before);
  });

  test("lets exactly one of several callers create the same agent type", async () => {
    const agentType = freshAgentType();
    const create = (): Promise<unknown> =>
      createType({ agentType, description: "", policy, variants: [newVariant("first")] });
    const results = await Promise.allSettled([create(), create(), create()]);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("stores nothing of an agent type when one of its variants cannot be stored", async () => {
    const before = await catalogue().load();
    const agentType = freshAgentType();
    const first = newVariant("first");
    const wrong = newVariant("wrong", { content: { ...first.content, temperature: 3 } });
    const input = { agentType, description: "", policy };
    const draft = newVariant("first", { status: "draft" });
    for (const variants of [[first, wrong], [draft]] as const) {
      await expectBanditError(createType({ ...input, variants }), "invalid_argument");
    }
    expect(await catalogue().load()).toEqual(before);
  });
}

function describePolicies(catalogue: () => Catalogue): void {
  const { putPolicy, deletePolicy } = changesOf(catalogue);

  test("gives back the policies that were put, overrides beside the agent type's own", async () => {
    const { agentType } = await createAgentType(catalogue(), "first");
    const thompson = { ...policy, algorithm: { kind: "thompson_sampling" } as const };
    const override = await putPolicy({ agentType, codeType, policy: thompson });
    expect(override).toMatchObject({ agentType, codeType, policy: thompson });
    const { policies } = await catalogue().load();
    const own = policies.filter((stored) => stored.agentType === agentType);
    expect(own.map((stored) => stored.codeType)).toEqual([undefined, codeType]);
    expect(own[1]).toEqual(override);
    expect(own[0]?.policy).toEqual(policy);
  });

  test("compares the etag with the policy in force: the override's, else the agent type's own", async () => {
    const { agentType } = await createAgentType(catalogue(), "first");
    const own = await putPolicy({ agentType, policy });
    const put = (etag: string) => putPolicy({ agentType, codeType, policy, etag });
    const override = await put(own.etag);
    expect(override.etag).not.toBe(own.etag);
    await expectBanditError(put(own.etag), "aborted", "ETAG_MISMATCH");
    await put(override.etag);
  });

  test("lets exactly one of several callers with the same etag put a policy", async () => {
    const { agentType } = await createAgentType(catalogue(), "first");
    const { etag } = await putPolicy({ agentType, policy });
    const results = await Promise.allSettled(
      [0.1, 0.2, 0.3].map((holdoutShare) =>
        putPolicy({ agentType, policy: { ...policy, holdoutShare }, etag }),
      ),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("removes an override once, and never gives a removed one's etag to its successor", async () => {
    const { agentType } = await createAgentType(catalogue(), "first");
    const removed = await putPolicy({ agentType, codeType, policy });
    await deletePolicy({ agentType, codeType });
    const { policies } = await catalogue().load();
    expect(policies.filter((stored) => stored.agentType === agentType)).toHaveLength(1);
    await expectBanditError(deletePolicy({ agentType, codeType }), "not_found");
    const successor = await putPolicy({ agentType, codeType, policy });
    expect(successor.etag).not.toBe(removed.etag);
  });

  test("a new half-life goes on from where the old one has come; other changes leave the clock alone", async () => {
    const { agentType } = await createAgentType(catalogue(), "first");
    const halfLife = (forgettingHalfLifeSeconds: number) =>
      putPolicy({ agentType, policy: { ...policy, forgettingHalfLifeSeconds } });
    const hour = await halfLife(3600);
    const before = await putPolicy({ agentType, policy: hour.policy });
    expect(before.forgetting).toEqual(hour.forgetting);
    const never = await halfLife(0);
    const passedHours = (never.forgetting.sinceMs - hour.forgetting.sinceMs) / 3_600_000;
    expect(never.forgetting.position).toBeCloseTo(hour.forgetting.position + passedHours, 12);
    const again = await halfLife(1);
    expect(again.forgetting.position).toBe(never.forgetting.position);
    expect(again.forgetting.sinceMs).toBeGreaterThanOrEqual(never.forgetting.sinceMs);
  });

  test("features keep their epoch until they change, and it never goes back for a code type", async () => {
    const { agentType } = await createAgentType(catalogue(), "first");
    const linear = (name: string, explorationShare = 0): Policy => ({
      ...policy,
      explorationShare,
      algorithm: linearAlgorithm({ name, mean: 0, scale: 1 }),
    });
    const own = await putPolicy({ agentType, policy: linear("lines") });
    const same = await putPolicy({ agentType, policy: linear("lines", 0.1) });
    expect(same.featuresSinceMs).toBe(own.featuresSinceMs);
    const inherited = await putPolicy({ agentType, codeType, policy: linear("lines") });
    expect(inherited.featuresSinceMs).toBe(own.featuresSinceMs);
    await later(own.featuresSinceMs);
    const other = await putPolicy({ agentType, codeType, policy: linear("files") });
    expect(other.featuresSinceMs).toBeGreaterThan(own.featuresSinceMs);
    await deletePolicy({ agentType, codeType });
    const { policies } = await catalogue().load();
    const left = policies.find((stored) => stored.agentType === agentType);
    expect(left?.featuresSinceMs).toBeGreaterThanOrEqual(other.featuresSinceMs);
    expect(left?.etag).not.toBe(same.etag);
  });

  test("finds no policy for an agent type that does not exist", async () => {
    const put = putPolicy({ agentType: unknown, policy });
    await expectBanditError(put, "not_found", "AGENT_TYPE_NOT_FOUND");
    const deletion = deletePolicy({ agentType: unknown, codeType });
    await expectBanditError(deletion, "not_found");
  });
}

function describeModes(catalogue: () => Catalogue): void {
  const { setMode } = changesOf(catalogue);

  test("sets the mode of one agent type and of the service apart from each other", async () => {
    const { agentType } = await createAgentType(catalogue(), "first");
    await setMode({ agentType, mode: "frozen", reason: "a test" });
    await setMode({ mode: "static", reason: "a test" });
    const stopped = await catalogue().load();
    expect(stopped.serviceMode).toBe("static");
    expect(stopped.agentTypes.find((type) => type.agentType === agentType)?.mode).toBe("frozen");
    await setMode({ mode: "learning", reason: "" });
    expect((await catalogue().load()).serviceMode).toBe("learning");
  });

  test("knows since when a mode is what it is: of the agent type or of the service, whichever is later", async () => {
    const { agentType } = await createAgentType(catalogue(), "first");
    const since = async () => {
      const { agentTypes } = await catalogue().load();
      return agentTypes.find((type) => type.agentType === agentType)?.modeSinceMs as number;
    };
    await setMode({ agentType, mode: "frozen", reason: "" });
    const frozen = await since();
    expect(Math.abs(frozen - Date.now())).toBeLessThan(60_000);
    await later(frozen);
    await setMode({ agentType, mode: "frozen", reason: "again" });
    expect(await since()).toBe(frozen);
    await setMode({ mode: "static", reason: "" });
    const stopped = await since();
    expect(stopped).toBeGreaterThan(frozen);
    await later(stopped);
    await setMode({ mode: "learning", reason: "" });
    expect(await since()).toBeGreaterThan(stopped);
  });

  test("finds no mode to set for an agent type that does not exist", async () => {
    const set = setMode({ agentType: unknown, mode: "static", reason: "" });
    await expectBanditError(set, "not_found");
  });
}

function describeChanges(catalogue: () => Catalogue): void {
  const { putPolicy, createVariant, setMode } = changesOf(catalogue);

  test("advances the revision by one with every write and not with a refused one", async () => {
    const { revision } = await catalogue().load();
    const { agentType } = await createAgentType(catalogue(), "first", "second");
    expect((await catalogue().load()).revision).toBe(revision + 1);
    await createVariant({ agentType, ...newVariant("third") });
    const stray = createVariant({ agentType: unknown, ...newVariant("third") });
    await expectBanditError(stray, "not_found");
    expect((await catalogue().load()).revision).toBe(revision + 2);
  });

  test("undoes what is only tried, and says what would have been stored, without an etag", async () => {
    const { agentType, variants } = await createAgentType(catalogue(), "first", "second");
    const tried = { ...actor, dryRun: true };
    const override = { agentType, codeType, policy };
    await putPolicy(override);
    const before = await catalogue().load();
    const second = variants[1] as Variant;
    const writes = [
      catalogue().createAgentType(
        { agentType: freshAgentType(), description: "", policy, variants: [newVariant("a")] },
        tried,
      ),
      catalogue().putPolicy({ agentType, policy: { ...policy, holdoutShare: 0.5 } }, tried),
      catalogue().createVariant({ agentType, ...newVariant("third") }, tried),
      catalogue().changeVariant(
        { variantId: second.id },
        () => [changeOf(second, { status: "retired" })],
        tried,
      ),
      catalogue().deletePolicy(override, tried),
      catalogue().setMode({ agentType, mode: "static", reason: "" }, tried),
    ];
    const [type, own, third, retired] = await Promise.all(writes);
    expect(type).toMatchObject({ mode: "learning" });
    expect(own).toMatchObject({ policy: { holdoutShare: 0.5 }, etag: "" });
    expect(third).toMatchObject({ name: "third", version: 1, etag: "" });
    expect(retired).toMatchObject({ name: "second", status: "retired", etag: "" });
    expect(await catalogue().load()).toEqual(before);
  });

  test("tells its own listeners of a write within 50 ms, and no longer when they have left", async () => {
    const [stays, leaves] = [vi.fn(), vi.fn()];
    const unsubscribe = catalogue().onChange(leaves);
    const stop = catalogue().onChange(stays);
    unsubscribe();
    await setMode({ mode: "learning", reason: "" });
    await vi.waitFor(() => expect(stays).toHaveBeenCalled(), { timeout: 50, interval: 5 });
    expect(leaves).not.toHaveBeenCalled();
    stop();
  });

  test("answers a ping", async () => {
    await catalogue().ping();
  });
}

function describeStorage(fixture: () => CatalogueFixture): void {
  test("writes the audit log in the transaction of the change, and nothing for a refused one", async () => {
    const { catalogue } = fixture();
    const { agentType } = await createAgentType(catalogue, "first");
    await catalogue.setMode({ agentType, mode: "static", reason: "it's on fire" }, actor);
    const stale = catalogue.putPolicy({ agentType, policy, etag: "stale" }, actor);
    await expectBanditError(stale, "aborted");
    const { revision } = await catalogue.load();
    const rows = await fixture().inspect(
      `SELECT actor, action, resource, before, after, reason, revision::int AS revision
         FROM audit_log WHERE resource LIKE '%${agentType}%' ORDER BY id`,
    );
    expect(rows.map((row) => row["action"])).toEqual([
      "create_agent_type",
      "put_policy",
      "create_variant",
      "set_mode",
    ]);
    expect(rows[1]).toMatchObject({ before: null, after: { policy } });
    expect(rows[3]).toEqual({
      actor: actor.name,
      action: "set_mode",
      resource: `agent_type/${agentType}`,
      before: { mode: "learning" },
      after: { mode: "static" },
      reason: "it's on fire",
      revision,
    });
  });

  test("says in the database what every table and column means", async () => {
    const silent = await fixture().inspect(
      `SELECT c.relname AS "table", a.attname AS "column"
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relkind = 'r'
          AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)`,
    );
    expect(silent).toEqual([]);
  });

  test("has everything again after it was closed and opened", async () => {
    await createAgentType(fixture().catalogue, "first", "second");
    const before = await fixture().catalogue.load();
    await fixture().reopen();
    expect(await fixture().catalogue.load()).toEqual(before);
  });

  test("closes twice without complaint and is unavailable afterwards", async () => {
    const { catalogue } = fixture();
    await catalogue.close();
    await catalogue.close();
    await expectBanditError(catalogue.load(), "unavailable");
    await fixture().reopen();
  });
}

/** Waits until the clock has passed that moment. */
async function later(thanMs: number): Promise<void> {
  while (Date.now() <= thanMs) await new Promise((resolve) => setTimeout(resolve, 1));
}
