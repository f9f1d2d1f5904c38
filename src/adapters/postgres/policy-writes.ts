import {
  type ForgettingClock,
  forgettingPosition,
  type Policy,
  type PolicyRecord,
} from "../../domain/policy.ts";
import type { PutPolicyInput } from "../../ports/catalogue.ts";
import { policyColumns, policyOfRow } from "./catalogue-rows.ts";
import { type CatalogueTransaction, requireEtag, requireRow } from "./catalogue-transaction.ts";

/** Sets the policy, and the clocks that go on from the one it replaces. @throws BanditError aborted */
export async function storePolicy(
  transaction: CatalogueTransaction,
  input: PutPolicyInput,
): Promise<PolicyRecord> {
  const codeType = input.codeType ?? "";
  // The policy in force: the override where there is one, else the agent type's own.
  const found = await transaction.query(
    `SELECT ${policyColumns} FROM policy
      WHERE agent_type = $1 AND code_type IN ('', $2) ORDER BY length(code_type) DESC LIMIT 1`,
    [input.agentType, codeType],
  );
  const inForce = found[0] === undefined ? undefined : policyOfRow(found[0]);
  const name = codeType === "" ? input.agentType : `${input.agentType}/${codeType}`;
  if (input.etag !== undefined) {
    requireEtag({ name: `policy ${name}`, etag: inForce?.etag ?? "" }, input.etag);
  }
  const forgetting = forgettingClock(input, inForce, transaction.nowMs);
  const [row] = await transaction.query(
    `INSERT INTO policy (agent_type, code_type, policy, etag, updated_at,
                         forgetting_position, forgetting_since, features_since)
     VALUES ($1, $2, $3::jsonb, $4::float8::bigint, to_timestamp($5::float8 / 1000),
             $6::float8, to_timestamp($7::float8 / 1000), to_timestamp($8::float8 / 1000))
     ON CONFLICT (agent_type, code_type) DO UPDATE
       SET policy = excluded.policy, etag = excluded.etag, updated_at = excluded.updated_at,
           forgetting_position = excluded.forgetting_position,
           forgetting_since = excluded.forgetting_since, features_since = excluded.features_since
     RETURNING ${policyColumns}`,
    [
      input.agentType,
      codeType,
      JSON.stringify(input.policy),
      transaction.revision,
      transaction.nowMs,
      forgetting.position,
      forgetting.sinceMs,
      featuresSince(input.policy, inForce, transaction.nowMs),
    ],
  );
  const stored = policyOfRow(requireRow(row, { kind: "POLICY", name }));
  const replaced = inForce !== undefined && (inForce.codeType ?? "") === codeType;
  await transaction.audit({
    action: "put_policy",
    resource: `policy/${name}`,
    ...(replaced ? { before: inForce } : {}),
    after: stored,
  });
  return transaction.shown(stored);
}

/** A new half-life goes on from where the old one has come; an override has none of its own. */
function forgettingClock(
  { codeType, policy }: PutPolicyInput,
  inForce: PolicyRecord | undefined,
  nowMs: number,
): ForgettingClock {
  if (inForce === undefined || codeType !== undefined) return { sinceMs: nowMs, position: 0 };
  const { forgettingHalfLifeSeconds } = inForce.policy;
  if (policy.forgettingHalfLifeSeconds === forgettingHalfLifeSeconds) return inForce.forgetting;
  return { sinceMs: nowMs, position: forgettingPosition(inForce, nowMs) };
}

/** Without features of its own a policy keeps the epoch before: the sums may still be of that one. */
function featuresSince(policy: Policy, inForce: PolicyRecord | undefined, nowMs: number): number {
  if (inForce === undefined) return nowMs;
  const features = featuresOf(policy);
  const isKept = features === undefined || features === featuresOf(inForce.policy);
  return isKept ? inForce.featuresSinceMs : nowMs;
}

function featuresOf({ algorithm }: Policy): string | undefined {
  return algorithm.kind === "linear_thompson" ? JSON.stringify(algorithm.features) : undefined;
}

/**
 * When the override of a code type goes that had other features, its sums are newer than the epoch of the
 * agent type's own features, which would be ignored for ever: their epoch begins anew.
 */
export async function renewFeatures(
  transaction: CatalogueTransaction,
  removed: PolicyRecord,
): Promise<void> {
  await transaction.query(
    `UPDATE policy SET features_since = to_timestamp($2::float8 / 1000), etag = $3::float8::bigint
      WHERE agent_type = $1 AND code_type = '' AND features_since < to_timestamp($4::float8 / 1000)`,
    [removed.agentType, transaction.nowMs, transaction.revision, removed.featuresSinceMs],
  );
}
