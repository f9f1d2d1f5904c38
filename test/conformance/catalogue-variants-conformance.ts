import { expect, test } from "vitest";
import { BanditError } from "../../src/domain/errors.ts";
import { parseAgentType, parseVariantId, type VariantId } from "../../src/domain/ids.ts";
import type { Variant } from "../../src/domain/variant.ts";
import type { Catalogue, VariantChange } from "../../src/ports/catalogue.ts";
import {
  changeOf,
  changesOf,
  createAgentType,
  expectBanditError,
  newVariant,
  variantsOf,
} from "./catalogue-fixture.ts";

/** The part of the suite that is about variants. */
export function describeVariants(catalogue: () => Catalogue): void {
  describeCreation(catalogue);
  describeVariantChanges(catalogue);
}

function describeCreation(catalogue: () => Catalogue): void {
  const { createVariant } = changesOf(catalogue);

  test("gives a variant back exactly as it was stored", async () => {
    const { agentType, variants } = await createAgentType(catalogue(), "first");
    const parentId = parseVariantId(`${agentType}/first@1`);
    const stored = await createVariant({
      agentType,
      ...newVariant("second", { createdBy: "llm_optimized", parentId, status: "candidate" }),
    });
    const { content, ...rest } = newVariant("second");
    expect(stored).toMatchObject({
      ...rest,
      ...content,
      createdBy: "llm_optimized",
      status: "candidate",
      parentId,
    });
    expect(stored.isBaseline).toBe(false);
    expect(await variantsOf(catalogue(), agentType)).toEqual([...variants, stored]);
  });

  test("leaves absent what was absent: temperature, top_p, max_tokens and parent", async () => {
    const { agentType } = await createAgentType(catalogue(), "first");
    const content = { promptTemplate: "x", model: "", parameters: {} };
    const stored = await createVariant({ agentType, ...newVariant("bare", { content }) });
    const absent = ["temperature", "topP", "maxTokens", "parentId"];
    expect(absent.filter((field) => field in stored)).toEqual([]);
  });

  test("keeps 64 KiB of prompt and the extremes of the parameters", async () => {
    const { agentType } = await createAgentType(catalogue(), "first");
    const content = {
      promptTemplate: "é".repeat(65_536),
      model: "m",
      temperature: 0,
      topP: 1,
      maxTokens: 1,
      parameters: { text: "\u2028 \u{1F600}", number: 1.7976931348623157e308 },
    };
    const stored = await createVariant({ agentType, ...newVariant("extreme", { content }) });
    expect(stored).toMatchObject(content);
  });

  test("numbers the versions of one name 1, 2, 3, … also when they are created at once", async () => {
    const { agentType } = await createAgentType(catalogue(), "first");
    const created = await Promise.all(
      Array.from({ length: 8 }, () => createVariant({ agentType, ...newVariant("raced") })),
    );
    const versions = created.map(({ version }) => version).sort((a, b) => a - b);
    expect(versions).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(new Set(created.map(({ id }) => id)).size).toBe(8);
  });

  test("finds neither an agent type nor a parent that does not exist", async () => {
    const { agentType } = await createAgentType(catalogue(), "first");
    const before = await catalogue().load();
    const orphan = newVariant("orphan", { parentId: parseVariantId(`${agentType}/gone@1`) });
    const withoutParent = createVariant({ agentType, ...orphan });
    await expectBanditError(withoutParent, "not_found", "PARENT_VARIANT_NOT_FOUND");
    const unknown = parseAgentType("nobody-made-this");
    const withoutType = createVariant({ agentType: unknown, ...newVariant("x") });
    await expectBanditError(withoutType, "not_found", "AGENT_TYPE_NOT_FOUND");
    expect(await catalogue().load()).toEqual(before);
  });
}

function describeVariantChanges(catalogue: () => Catalogue): void {
  const { createVariant, changeVariant } = changesOf(catalogue);

  /** Asks about the first of the variants, and makes all changes. */
  const change = (...changes: readonly VariantChange[]): Promise<Variant> =>
    changeVariant({ variantId: changes[0]?.variantId as VariantId }, () => changes);

  test("moves the baseline in one call, in whichever order the two are named", async () => {
    const { agentType, variants } = await createAgentType(catalogue(), "a", "b");
    const [a, b] = variants;
    const promote = (one?: Variant) => changeOf(one, { isBaseline: true });
    const demote = (one?: Variant) => changeOf(one, { isBaseline: false });
    const moved = await change(promote(b), demote(a));
    expect(moved).toMatchObject({ name: "b", isBaseline: true });
    const back = await change(promote(a), demote(b));
    const after = await variantsOf(catalogue(), agentType);
    expect(after.map(({ isBaseline }) => isBaseline)).toEqual([true, false]);
    expect(after[0]).toEqual(back);
    expect(back.etag).not.toBe(a?.etag);
    expect(back.createdAtMs).toBe(a?.createdAtMs);
  });

  test("shows the variant and the baseline as they are now, and changes nothing when that throws", async () => {
    const { agentType, variants } = await createAgentType(catalogue(), "a", "b");
    const [baseline, variant] = variants;
    const before = await catalogue().load();
    const deciding = changeVariant({ variantId: variant?.id as VariantId }, (now) => {
      expect(now).toEqual({ variant, baseline });
      throw new BanditError("failed_precondition", "not so", { reason: "TEST" });
    });
    await expectBanditError(deciding, "failed_precondition");
    expect(await catalogue().load()).toEqual(before);
    expect(await variantsOf(catalogue(), agentType)).toEqual(variants);
  });

  test("lets exactly one of several callers with the same etag change a variant", async () => {
    const { agentType, variants } = await createAgentType(catalogue(), "a", "b");
    const { id: variantId, etag } = variants[1] as Variant;
    const results = await Promise.allSettled(
      (["retired", "candidate", "draft"] as const).map((status) =>
        changeVariant({ variantId, etag }, () => [changeOf(variants[1], { status })]),
      ),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const result of results) {
      if (result.status === "rejected") expect(result.reason.reason).toBe("ETAG_MISMATCH");
    }
    const [, after] = await variantsOf(catalogue(), agentType);
    expect(after?.status).not.toBe("active");
  });

  test("leaves exactly one baseline when two variants are promoted to it at once", async () => {
    const { agentType, variants } = await createAgentType(catalogue(), "a", "b", "c");
    const promote = ({ id }: Variant): Promise<Variant> =>
      changeVariant({ variantId: id }, ({ variant, baseline }) => [
        changeOf(baseline, { isBaseline: false }),
        changeOf(variant, { isBaseline: true }),
      ]);
    await Promise.all(variants.slice(1).map(promote));
    const after = await variantsOf(catalogue(), agentType);
    expect(after.filter(({ isBaseline }) => isBaseline)).toHaveLength(1);
    expect(after[0]?.isBaseline).toBe(false);
  });

  test("refuses a second baseline, a baseline that is not active, and a variant named twice", async () => {
    const { agentType, variants } = await createAgentType(catalogue(), "a", "b");
    const [a, b] = variants;
    await expectBanditError(change(changeOf(b, { isBaseline: true })), "aborted");
    await expectBanditError(change(changeOf(a, { status: "retired" })), "failed_precondition");
    await expectBanditError(change(changeOf(b, {}), changeOf(b, {})), "invalid_argument");
    expect(await variantsOf(catalogue(), agentType)).toEqual(variants);
  });

  test("has 100 active variants at most, however many become active at once", async () => {
    const names = Array.from({ length: 97 }, (_, index) => `v${index}`);
    const { agentType } = await createAgentType(catalogue(), "baseline", ...names);
    const drafts = await Promise.all(
      Array.from({ length: 3 }, () =>
        createVariant({ agentType, ...newVariant("draft", { status: "draft" }) }),
      ),
    );
    const results = await Promise.allSettled([
      ...drafts.map((draft) => change(changeOf(draft, { status: "active" }))),
      ...drafts.map(() => createVariant({ agentType, ...newVariant("new") })),
    ]);
    const refused = results.filter((result) => result.status === "rejected");
    expect(refused.map(({ reason }) => reason.reason)).toEqual(
      Array(4).fill("TOO_MANY_ACTIVE_VARIANTS"),
    );
    const active = (await variantsOf(catalogue(), agentType)).filter(
      ({ status }) => status === "active",
    );
    expect(active).toHaveLength(100);
  });

  test("finds no variant that does not exist, nor one of another agent type", async () => {
    const { agentType, variants } = await createAgentType(catalogue(), "a");
    const other = await createAgentType(catalogue(), "b");
    const gone = changeOf(variants[0], { variantId: parseVariantId(`${agentType}/gone@1`) });
    for (const changes of [[gone], [changeOf(variants[0], {}), changeOf(other.variants[0], {})]]) {
      await expectBanditError(change(...changes), "not_found", "VARIANT_NOT_FOUND");
    }
  });

  test("changes nothing when asked to change nothing", async () => {
    const { variants } = await createAgentType(catalogue(), "a");
    const before = await catalogue().load();
    const { id: variantId } = variants[0] as Variant;
    expect(await changeVariant({ variantId }, () => [])).toEqual(variants[0]);
    expect(await catalogue().load()).toEqual(before);
  });
}
