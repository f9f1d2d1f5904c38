import { BanditError, invalidField } from "../../domain/errors.ts";
import { type AgentType, formatVariantId } from "../../domain/ids.ts";
import type { Variant } from "../../domain/variant.ts";
import type { NewVariant, VariantChange } from "../../ports/catalogue.ts";
import { variantColumns, variantOfRow } from "./catalogue-rows.ts";
import { type CatalogueTransaction, requireEtag, requireRow } from "./catalogue-transaction.ts";

/** Stores the variant as the next version of its name. Writers take turns, so the version is nobody else's. */
export async function insertVariant(
  transaction: CatalogueTransaction,
  variant: NewVariant & { agentType: AgentType; isBaseline: boolean },
): Promise<Variant> {
  const { agentType, name, content } = variant;
  if (variant.parentId !== undefined) {
    const parents = await transaction.query("SELECT id FROM prompt_variant WHERE id = $1", [
      variant.parentId,
    ]);
    requireRow(parents[0], { kind: "PARENT_VARIANT", name: variant.parentId });
  }
  const [last] = await transaction.query(
    `SELECT coalesce(max(version), 0)::int AS version
       FROM prompt_variant WHERE agent_type = $1 AND name = $2`,
    [agentType, name],
  );
  const version = Number(last?.["version"]) + 1;
  const [row] = await transaction.query(
    `INSERT INTO prompt_variant (id, agent_type, name, version, status, is_baseline, description,
       prompt_template, model, temperature, top_p, max_tokens, parameters, created_by, parent_id,
       created_at, updated_at, etag)
     VALUES ($1, $2, $3, $4::int, $5, $6::boolean, $7, $8, $9, $10::float8, $11::float8, $12::int,
       $13::jsonb, $14, $15, to_timestamp($16::float8 / 1000), to_timestamp($16::float8 / 1000),
       $17::float8::bigint)
     RETURNING ${variantColumns}`,
    [
      formatVariantId({ agentType, name, version }),
      agentType,
      name,
      version,
      variant.status,
      variant.isBaseline,
      variant.description,
      content.promptTemplate,
      content.model,
      content.temperature ?? null,
      content.topP ?? null,
      content.maxTokens ?? null,
      JSON.stringify(content.parameters),
      variant.createdBy,
      variant.parentId ?? null,
      transaction.nowMs,
      transaction.revision,
    ],
  );
  const stored = variantOfRow(requireRow(row, { kind: "VARIANT", name }));
  await transaction.audit({
    action: "create_variant",
    resource: `variant/${stored.id}`,
    after: stored,
  });
  return stored;
}

/** Changes all or throws. In one call the baseline may move: it is taken away before it is given. */
export async function updateVariants(
  transaction: CatalogueTransaction,
  changes: readonly VariantChange[],
): Promise<readonly Variant[]> {
  const before = await readVariants(transaction, changes);
  const changed = new Map<string, Variant>();
  const takingFirst = changes.toSorted((a, b) => Number(a.isBaseline) - Number(b.isBaseline));
  for (const change of takingFirst) {
    const [row] = await transaction.query(
      `UPDATE prompt_variant
          SET status = $2, is_baseline = $3::boolean,
              updated_at = to_timestamp($4::float8 / 1000), etag = $5::float8::bigint
        WHERE id = $1
       RETURNING ${variantColumns}`,
      [change.variantId, change.status, change.isBaseline, transaction.nowMs, transaction.revision],
    );
    changed.set(change.variantId, variantOfRow(requireRow(row, missing(change))));
  }
  const after = changes.map((change) => changed.get(change.variantId) as Variant);
  for (const [index, variant] of after.entries()) {
    await transaction.audit({
      action: "change_variant",
      resource: `variant/${variant.id}`,
      before: before[index],
      after: variant,
    });
  }
  return after;
}

async function readVariants(
  transaction: CatalogueTransaction,
  changes: readonly VariantChange[],
): Promise<readonly Variant[]> {
  const variants: Variant[] = [];
  for (const change of changes) {
    const rows = await transaction.query(
      `SELECT ${variantColumns} FROM prompt_variant WHERE id = $1`,
      [change.variantId],
    );
    const variant = variantOfRow(requireRow(rows[0], missing(change)));
    requireEtag({ name: `variant ${variant.id}`, etag: variant.etag }, change.etag);
    variants.push(variant);
  }
  if (new Set(variants.map(({ agentType }) => agentType)).size > 1) {
    throw invalidField("changes", "all variants of one call must be of one agent type");
  }
  if (new Set(variants.map(({ id }) => id)).size < variants.length) {
    throw invalidField("changes", "names a variant twice");
  }
  if (changes.some((change) => change.isBaseline && change.status !== "active")) {
    throw new BanditError("failed_precondition", "only an active variant can be the baseline", {
      reason: "BASELINE_NOT_ACTIVE",
    });
  }
  return variants;
}

function missing(change: VariantChange): { kind: "VARIANT"; name: string } {
  return { kind: "VARIANT", name: change.variantId };
}
