import { BanditError, invalidField, invariant } from "../../domain/errors.ts";
import { type AgentType, formatVariantId, type VariantId } from "../../domain/ids.ts";
import type { Variant } from "../../domain/variant.ts";
import type { NewVariant, VariantChange } from "../../ports/catalogue.ts";
import { variantColumns, variantOfRow } from "./catalogue-rows.ts";
import { type CatalogueTransaction, requireEtag, requireRow } from "./catalogue-transaction.ts";

/** Arms that may be active for one agent type at once. */
const activeVariantsMax = 100;

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
  if (variant.status === "active") await requireRoom(transaction, agentType);
  return transaction.shown(stored);
}

/** Changes all or throws. In one call the baseline may move: it is taken away before it is given. */
export async function updateVariants(
  transaction: CatalogueTransaction,
  { variantId, etag }: { variantId: VariantId; etag?: string },
  decide: (now: { variant: Variant; baseline: Variant }) => readonly VariantChange[],
): Promise<Variant> {
  const variants = await readSiblings(transaction, variantId);
  const variant = requireVariant(variants, variantId);
  if (etag !== undefined) requireEtag({ name: `variant ${variantId}`, etag: variant.etag }, etag);
  const baseline = [...variants.values()].find(({ isBaseline }) => isBaseline);
  invariant(baseline !== undefined, `agent type ${variant.agentType} has a baseline`);
  const changes = decide({ variant, baseline });
  requireConsistent(changes);
  let after = variant;
  for (const change of changes.toSorted((a, b) => Number(a.isBaseline) - Number(b.isBaseline))) {
    const before = requireVariant(variants, change.variantId);
    const [row] = await transaction.query(
      `UPDATE prompt_variant
          SET status = $2, is_baseline = $3::boolean,
              updated_at = to_timestamp($4::float8 / 1000), etag = $5::float8::bigint
        WHERE id = $1
       RETURNING ${variantColumns}`,
      [change.variantId, change.status, change.isBaseline, transaction.nowMs, transaction.revision],
    );
    const stored = variantOfRow(requireRow(row, missing(change.variantId)));
    const resource = `variant/${stored.id}`;
    await transaction.audit({ action: "change_variant", resource, before, after: stored });
    if (stored.id === variantId) after = transaction.shown(stored);
  }
  await requireRoom(transaction, variant.agentType);
  return after;
}

/** Every variant of its agent type, by id. */
async function readSiblings(
  transaction: CatalogueTransaction,
  variantId: VariantId,
): Promise<ReadonlyMap<VariantId, Variant>> {
  const rows = await transaction.query(
    `SELECT ${variantColumns} FROM prompt_variant
      WHERE agent_type = (SELECT agent_type FROM prompt_variant WHERE id = $1)`,
    [variantId],
  );
  return new Map(rows.map(variantOfRow).map((variant) => [variant.id, variant]));
}

function requireVariant(variants: ReadonlyMap<VariantId, Variant>, variantId: VariantId): Variant {
  const variant = variants.get(variantId);
  if (variant === undefined) requireRow(undefined, missing(variantId));
  return variant as Variant;
}

function requireConsistent(changes: readonly VariantChange[]): void {
  if (new Set(changes.map(({ variantId }) => variantId)).size < changes.length) {
    throw invalidField("changes", "names a variant twice");
  }
  if (changes.some((change) => change.isBaseline && change.status !== "active")) {
    throw new BanditError("failed_precondition", "only an active variant can be the baseline", {
      reason: "BASELINE_NOT_ACTIVE",
    });
  }
}

/** Counted after the write, with which every other writer waits: two at once cannot both take the last place. */
async function requireRoom(transaction: CatalogueTransaction, agentType: AgentType): Promise<void> {
  const [row] = await transaction.query(
    `SELECT count(*)::int AS active FROM prompt_variant WHERE agent_type = $1 AND status = 'active'`,
    [agentType],
  );
  if (Number(row?.["active"]) <= activeVariantsMax) return;
  throw new BanditError(
    "failed_precondition",
    `agent type "${agentType}" has ${activeVariantsMax} active variants already; retire one first`,
    { reason: "TOO_MANY_ACTIVE_VARIANTS", metadata: { agent_type: agentType } },
  );
}

function missing(variantId: VariantId): { kind: "VARIANT"; name: string } {
  return { kind: "VARIANT", name: variantId };
}
