import { expect, test } from "vitest";
import { parseAgentType, parseVariantId } from "../../src/domain/ids.ts";
import type { Catalogue } from "../../src/ports/catalogue.ts";
import {
  actor,
  changeOf,
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
  test("gives a variant back exactly as it was stored", async () => {
    const { agentType, variants } = await createAgentType(catalogue(), "first");
    const parentId = parseVariantId(`${agentType}/first@1`);
    const stored = await catalogue().createVariant(
      {
        agentType,
        ...newVariant("second", { createdBy: "llm_optimized", parentId, status: "candidate" }),
      },
      actor,
    );
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
    const stored = await catalogue().createVariant(
      { agentType, ...newVariant("bare", { content }) },
      actor,
    );
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
    const stored = await catalogue().createVariant(
      { agentType, ...newVariant("extreme", { content }) },
      actor,
    );
    expect(stored).toMatchObject(content);
  });

  test("numbers the versions of one name 1, 2, 3, … also when they are created at once", async () => {
    const { agentType } = await createAgentType(catalogue(), "first");
    const created = await Promise.all(
      Array.from({ length: 8 }, () =>
        catalogue().createVariant({ agentType, ...newVariant("raced") }, actor),
      ),
    );
    const versions = created.map(({ version }) => version).sort((a, b) => a - b);
    expect(versions).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(new Set(created.map(({ id }) => id)).size).toBe(8);
  });

  test("finds neither an agent type nor a parent that does not exist", async () => {
    const { agentType } = await createAgentType(catalogue(), "first");
    const before = await catalogue().load();
    const orphan = newVariant("orphan", { parentId: parseVariantId(`${agentType}/gone@1`) });
    const withoutParent = catalogue().createVariant({ agentType, ...orphan }, actor);
    expect((await expectBanditError(withoutParent, "not_found")).reason).toBe(
      "PARENT_VARIANT_NOT_FOUND",
    );
    const unknown = parseAgentType("nobody-made-this");
    const withoutType = catalogue().createVariant(
      { agentType: unknown, ...newVariant("x") },
      actor,
    );
    expect((await expectBanditError(withoutType, "not_found")).reason).toBe("AGENT_TYPE_NOT_FOUND");
    expect(await catalogue().load()).toEqual(before);
  });
}

function describeVariantChanges(catalogue: () => Catalogue): void {
  test("moves the baseline in one call, in whichever order the two are named", async () => {
    const { agentType, variants } = await createAgentType(catalogue(), "a", "b");
    const [a, b] = variants;
    const moved = await catalogue().changeVariants(
      [changeOf(b, { isBaseline: true }), changeOf(a, { isBaseline: false })],
      actor,
    );
    expect(moved.map(({ name, isBaseline }) => [name, isBaseline])).toEqual([
      ["b", true],
      ["a", false],
    ]);
    const back = await catalogue().changeVariants(
      [changeOf(moved[1], { isBaseline: true }), changeOf(moved[0], { isBaseline: false })],
      actor,
    );
    expect(await variantsOf(catalogue(), agentType)).toEqual(back);
    expect(back[0]?.etag).not.toBe(a?.etag);
    expect(back[0]?.createdAtMs).toBe(a?.createdAtMs);
  });

  test("changes all or none: one stale etag leaves every variant as it was", async () => {
    const { agentType, variants } = await createAgentType(catalogue(), "a", "b", "c");
    const changes = variants.map((variant, index) =>
      changeOf(variant, index === 2 ? { etag: "stale" } : { status: "active" }),
    );
    const error = await expectBanditError(catalogue().changeVariants(changes, actor), "aborted");
    expect(error.reason).toBe("ETAG_MISMATCH");
    expect(await variantsOf(catalogue(), agentType)).toEqual(variants);
  });

  test("lets exactly one of several callers with the same etag change a variant", async () => {
    const { agentType, variants } = await createAgentType(catalogue(), "a", "b");
    const results = await Promise.allSettled(
      (["retired", "candidate", "draft"] as const).map((status) =>
        catalogue().changeVariants([changeOf(variants[1], { status })], actor),
      ),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const [, after] = await variantsOf(catalogue(), agentType);
    expect(after?.status).not.toBe("active");
  });

  test("leaves exactly one baseline when two variants are promoted to it at once", async () => {
    const { agentType, variants } = await createAgentType(catalogue(), "a", "b", "c");
    const [a, b, c] = variants;
    const promote = (variant: typeof a): Promise<unknown> =>
      catalogue().changeVariants(
        [changeOf(a, { isBaseline: false }), changeOf(variant, { isBaseline: true })],
        actor,
      );
    const results = await Promise.allSettled([promote(b), promote(c)]);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const after = await variantsOf(catalogue(), agentType);
    expect(after.filter(({ isBaseline }) => isBaseline)).toHaveLength(1);
    expect(after[0]?.isBaseline).toBe(false);
  });

  test("refuses a second baseline, a baseline that is not active, and a variant named twice", async () => {
    const { agentType, variants } = await createAgentType(catalogue(), "a", "b");
    const [a, b] = variants;
    const refuse = (changes: Parameters<Catalogue["changeVariants"]>[0]): Promise<unknown> =>
      catalogue().changeVariants(changes, actor);
    await expectBanditError(refuse([changeOf(b, { isBaseline: true })]), "aborted");
    await expectBanditError(refuse([changeOf(a, { status: "retired" })]), "failed_precondition");
    await expectBanditError(refuse([changeOf(b, {}), changeOf(b, {})]), "invalid_argument");
    expect(await variantsOf(catalogue(), agentType)).toEqual(variants);
  });

  test("finds no variant that does not exist", async () => {
    const { agentType, variants } = await createAgentType(catalogue(), "a");
    const variantId = parseVariantId(`${agentType}/gone@1`);
    const change = changeOf(variants[0], { variantId });
    const error = await expectBanditError(catalogue().changeVariants([change], actor), "not_found");
    expect(error.reason).toBe("VARIANT_NOT_FOUND");
  });

  test("changes nothing when asked to change nothing", async () => {
    const before = await catalogue().load();
    expect(await catalogue().changeVariants([], actor)).toEqual([]);
    expect(await catalogue().load()).toEqual(before);
  });
}
