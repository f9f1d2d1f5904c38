import { BanditError } from "../../domain/errors.ts";
import type { Actor } from "../../ports/catalogue.ts";
import { revisionOf } from "./catalogue-rows.ts";
import type { SqlExecutor, SqlRow, SqlValue } from "./sql-connection.ts";

/** One line of the audit log. */
export interface AuditEntry {
  readonly action:
    | "create_agent_type"
    | "put_policy"
    | "delete_policy"
    | "create_variant"
    | "change_variant"
    | "set_mode";
  readonly resource: string;
  /** As JSON; undefined: it did not exist. */
  readonly before?: unknown;
  /** As JSON; undefined: it is gone. */
  readonly after?: unknown;
  readonly reason?: string;
}

/**
 * One write of the catalogue. It begins by advancing the revision, which locks the one row of
 * `service_setting` until the commit: writers take turns, so versions are assigned without gaps or
 * races, etags are compared with what is true at the commit, and a reader of revision n sees every
 * change up to n. Refused: serializable isolation, whose retries every caller would have to carry;
 * one lock per agent type, which gains nothing where changes come a few times a day.
 */
export class CatalogueTransaction {
  readonly revision: number;
  readonly nowMs: number;
  readonly #executor: SqlExecutor;
  readonly #actor: Actor;
  #hasChanged = false;

  private constructor(fields: {
    executor: SqlExecutor;
    actor: Actor;
    nowMs: number;
    revision: number;
  }) {
    this.#executor = fields.executor;
    this.#actor = fields.actor;
    this.nowMs = fields.nowMs;
    this.revision = fields.revision;
  }

  static async begin(options: {
    executor: SqlExecutor;
    actor: Actor;
    nowMs: number;
  }): Promise<CatalogueTransaction> {
    const [row] = await options.executor.query(
      `UPDATE service_setting
          SET revision = revision + 1, updated_at = to_timestamp($1::float8 / 1000)
       RETURNING revision::float8 AS revision`,
      [options.nowMs],
    );
    return new CatalogueTransaction({ ...options, revision: revisionOf(row) });
  }

  query(text: string, params: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return this.#executor.query(text, params);
  }

  /** True once something was audited: every change is. */
  get hasChanged(): boolean {
    return this.#hasChanged;
  }

  /** What is only tried will never have this etag, and must not match what another write is given. */
  shown<Stored extends { readonly etag: string }>(stored: Stored): Stored {
    return this.#actor.dryRun === true ? { ...stored, etag: "" } : stored;
  }

  async audit(entry: AuditEntry): Promise<void> {
    this.#hasChanged = true;
    const json = (value: unknown): string | null =>
      value === undefined ? null : JSON.stringify(value);
    await this.query(
      `INSERT INTO audit_log (at, revision, actor, action, resource, before, after, reason)
       VALUES (to_timestamp($1::float8 / 1000), $2::float8::bigint, $3, $4, $5, $6::jsonb, $7::jsonb, $8)`,
      [
        this.nowMs,
        this.revision,
        this.#actor.name,
        entry.action,
        entry.resource,
        json(entry.before),
        json(entry.after),
        entry.reason ?? "",
      ],
    );
  }
}

/** @throws not_found with the reason `<KIND>_NOT_FOUND` */
export function requireRow(
  row: SqlRow | undefined,
  missing: { kind: "AGENT_TYPE" | "POLICY" | "VARIANT" | "PARENT_VARIANT"; name: string },
): SqlRow {
  if (row !== undefined) return row;
  const kind = missing.kind.toLowerCase().replaceAll("_", " ");
  throw new BanditError("not_found", `${kind} ${missing.name} does not exist`, {
    reason: `${missing.kind}_NOT_FOUND`,
    metadata: { name: missing.name },
  });
}

/** @throws aborted when the resource has changed since its etag was read */
export function requireEtag(resource: { name: string; etag: string }, expected: string): void {
  if (resource.etag === expected) return;
  throw new BanditError("aborted", `${resource.name} has changed since it was read`, {
    reason: "ETAG_MISMATCH",
    metadata: { name: resource.name },
  });
}
