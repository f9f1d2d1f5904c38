import { BanditError, invalidField } from "../../domain/errors.ts";
import type { AgentType, CodeType, VariantId } from "../../domain/ids.ts";
import type { Mode, PolicyRecord } from "../../domain/policy.ts";
import type { Variant } from "../../domain/variant.ts";
import type {
  Actor,
  AgentTypeRecord,
  Catalogue,
  CatalogueSnapshot,
  CreateAgentTypeInput,
  CreateVariantInput,
  PutPolicyInput,
  VariantChange,
} from "../../ports/catalogue.ts";
import type { Clock } from "../../ports/clock.ts";
import {
  agentTypeColumns,
  agentTypeOfRow,
  modeOf,
  policyColumns,
  policyOfRow,
  revisionOf,
  variantColumns,
  variantOfRow,
} from "./catalogue-rows.ts";
import { CatalogueTransaction, requireRow } from "./catalogue-transaction.ts";
import { renewFeatures, storePolicy } from "./policy-writes.ts";
import type { RevisionSource } from "./revision-source.ts";
import type { SqlConnection, SqlRow } from "./sql-connection.ts";
import { insertVariant, updateVariants } from "./variant-writes.ts";

/** The catalogue's SQL, the same for the Postgres server and the embedded one. */
export class SqlCatalogue implements Catalogue {
  readonly #connection: SqlConnection;
  readonly #clock: Clock;
  readonly #revisions: RevisionSource;

  constructor(options: { connection: SqlConnection; clock: Clock; revisions: RevisionSource }) {
    this.#connection = options.connection;
    this.#clock = options.clock;
    this.#revisions = options.revisions;
  }

  async load(): Promise<CatalogueSnapshot> {
    const snapshot = await this.#connection.transaction(
      async (executor) => {
        const settings = await executor.query(
          "SELECT mode, revision::float8 AS revision FROM service_setting",
        );
        const agentTypes = await executor.query(
          `SELECT ${agentTypeColumns} FROM agent_type ORDER BY agent_type COLLATE "C"`,
        );
        const policies = await executor.query(
          `SELECT ${policyColumns} FROM policy
            ORDER BY agent_type COLLATE "C", code_type COLLATE "C"`,
        );
        const variants = await executor.query(
          `SELECT ${variantColumns} FROM prompt_variant ORDER BY id COLLATE "C"`,
        );
        return {
          revision: revisionOf(settings[0]),
          serviceMode: modeOf(settings[0] as SqlRow),
          agentTypes: agentTypes.map(agentTypeOfRow),
          policies: policies.map(policyOfRow),
          variants: variants.map(variantOfRow),
        };
      },
      { snapshot: true },
    );
    this.#revisions.loaded(snapshot.revision);
    return snapshot;
  }

  onChange(listener: () => void): () => void {
    return this.#revisions.subscribe(listener);
  }

  get notFollowedSinceMs(): number | undefined {
    return this.#revisions.blindSinceMs;
  }

  createAgentType(input: CreateAgentTypeInput, actor: Actor): Promise<AgentTypeRecord> {
    if (input.variants[0].status !== "active") {
      return Promise.reject(
        invalidField("variants[0].status", "the first variant is the baseline and must be active"),
      );
    }
    return this.#write(actor, async (transaction) => {
      const [row] = await transaction.query(
        `INSERT INTO agent_type (agent_type, description, mode, created_at)
         VALUES ($1, $2, 'learning', to_timestamp($3::float8 / 1000))
         ON CONFLICT (agent_type) DO NOTHING
         RETURNING ${agentTypeColumns}`,
        [input.agentType, input.description, transaction.nowMs],
      );
      if (row === undefined) {
        throw new BanditError("already_exists", `agent type ${input.agentType} exists already`, {
          reason: "AGENT_TYPE_EXISTS",
          metadata: { name: input.agentType },
        });
      }
      if (input.agentTypesMax !== undefined) await requireAtMost(transaction, input.agentTypesMax);
      const agentType = agentTypeOfRow(row);
      await transaction.audit({
        action: "create_agent_type",
        resource: `agent_type/${input.agentType}`,
        after: agentType,
      });
      await storePolicy(transaction, input);
      for (const [index, variant] of input.variants.entries()) {
        await insertVariant(transaction, {
          ...variant,
          agentType: input.agentType,
          isBaseline: index === 0,
        });
      }
      return agentType;
    });
  }

  putPolicy(input: PutPolicyInput, actor: Actor): Promise<PolicyRecord> {
    return this.#write(actor, async (transaction) => {
      await requireAgentType(transaction, input.agentType);
      return storePolicy(transaction, input);
    });
  }

  deletePolicy(input: { agentType: AgentType; codeType: CodeType }, actor: Actor): Promise<void> {
    return this.#write(actor, async (transaction) => {
      await requireAgentType(transaction, input.agentType);
      const [row] = await transaction.query(
        `DELETE FROM policy WHERE agent_type = $1 AND code_type = $2 RETURNING ${policyColumns}`,
        [input.agentType, input.codeType],
      );
      const name = `${input.agentType}/${input.codeType}`;
      const before = policyOfRow(requireRow(row, { kind: "POLICY", name }));
      await renewFeatures(transaction, before);
      await transaction.audit({ action: "delete_policy", resource: `policy/${name}`, before });
    });
  }

  createVariant(input: CreateVariantInput, actor: Actor): Promise<Variant> {
    return this.#write(actor, async (transaction) => {
      await requireAgentType(transaction, input.agentType);
      return insertVariant(transaction, { ...input, isBaseline: false });
    });
  }

  changeVariant(
    input: { variantId: VariantId; etag?: string },
    decide: (now: { variant: Variant; baseline: Variant }) => readonly VariantChange[],
    actor: Actor,
  ): Promise<Variant> {
    return this.#write(actor, (transaction) => updateVariants(transaction, input, decide));
  }

  setMode(
    input: { agentType?: AgentType; mode: Mode; reason: string },
    actor: Actor,
  ): Promise<void> {
    const { agentType, mode, reason } = input;
    return this.#write(actor, async (transaction) => {
      const action = "set_mode";
      if (agentType === undefined) {
        const [row] = await transaction.query("SELECT mode FROM service_setting", []);
        await transaction.query(`UPDATE service_setting SET mode = $1, ${modeSince(2)}`, [
          mode,
          transaction.nowMs,
        ]);
        const before = { mode: row?.["mode"] };
        await transaction.audit({ action, resource: "service", before, after: { mode }, reason });
        return;
      }
      const before = { mode: await requireAgentType(transaction, agentType) };
      await transaction.query(
        `UPDATE agent_type SET mode = $1, ${modeSince(2)} WHERE agent_type = $3`,
        [mode, transaction.nowMs, agentType],
      );
      const resource = `agent_type/${agentType}`;
      await transaction.audit({ action, resource, before, after: { mode }, reason });
    });
  }

  async ping(): Promise<void> {
    await this.#connection.query(requireWritable);
  }

  async close(): Promise<void> {
    this.#revisions.stop();
    await this.#connection.close();
  }

  async #write<T>(
    actor: Actor,
    change: (transaction: CatalogueTransaction) => Promise<T>,
  ): Promise<T> {
    const nowMs = this.#clock.nowMs();
    let transaction: CatalogueTransaction | undefined;
    const isKept = (): boolean => actor.dryRun !== true && transaction?.hasChanged === true;
    const result = await this.#connection.transaction(
      async (executor) => {
        transaction = await CatalogueTransaction.begin({ executor, actor, nowMs });
        return change(transaction);
      },
      { isKept },
    );
    if (transaction !== undefined && isKept()) this.#revisions.wrote(transaction.revision);
    return result;
  }
}

/** Fails as a write would: a server that can only be read answers everything else. */
const requireWritable = `DO $$ BEGIN
  IF current_setting('transaction_read_only') = 'on' THEN
    RAISE EXCEPTION 'the server is read-only' USING ERRCODE = 'read_only_sql_transaction';
  END IF;
END $$`;

/** Setting the mode that it has already changes nothing. $1 is the mode. */
function modeSince(nowParameter: number): string {
  return `mode_since = CASE WHEN mode = $1 THEN mode_since
    ELSE to_timestamp($${nowParameter}::float8 / 1000) END`;
}

/** Counted after the insert, in the turn of this writer: two at once cannot both take the last place. */
async function requireAtMost(
  transaction: CatalogueTransaction,
  agentTypesMax: number,
): Promise<void> {
  const [row] = await transaction.query("SELECT count(*)::int AS count FROM agent_type", []);
  if (Number(row?.["count"]) <= agentTypesMax) return;
  throw new BanditError("resource_exhausted", `there are ${agentTypesMax} agent types already`, {
    reason: "TOO_MANY_AGENT_TYPES",
  });
}

/** @returns its mode. */
async function requireAgentType(
  transaction: CatalogueTransaction,
  agentType: AgentType,
): Promise<Mode> {
  const rows = await transaction.query("SELECT mode FROM agent_type WHERE agent_type = $1", [
    agentType,
  ]);
  return modeOf(requireRow(rows[0], { kind: "AGENT_TYPE", name: agentType }));
}
