import type { StatementSync } from "node:sqlite";
import type { ContextTotals } from "../../domain/contribution.ts";
import type { DecisionRecord } from "../../domain/decision.ts";
import { generationIdBytes } from "../../domain/generation-id.ts";
import type { AgentType, CodeType, GenerationId, VariantId } from "../../domain/ids.ts";
import type { ArmGroup } from "../../ports/state-repair.ts";
import type { ArmKey, ArmTotals } from "../../ports/state-store.ts";
import { decodeDecisionRecord, encodeDecisionRecord } from "./decision-record-codec.ts";
import { decodeLedger, encodeLedger, type Ledger } from "./ledger.ts";
import type { SqliteFile } from "./sqlite-file.ts";

/**
 * Decisions and ledgers are found by generation and swept by expiry (Unix seconds); ids of version 7 grow, so both are
 * added at an end of their trees, where few pages change. `batch` is the newest batch of the outbox and `meta` has the
 * origin, see `sqlite-outbox.ts` and `sqlite-state-repair.ts`.
 */
export const stateSchema = `
  CREATE TABLE IF NOT EXISTS decision (
    generation_id BLOB PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    record BLOB NOT NULL
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX IF NOT EXISTS decision_by_expiry ON decision (expires_at);
  CREATE TABLE IF NOT EXISTS ledger (
    generation_id BLOB PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    contributions TEXT NOT NULL
  ) WITHOUT ROWID, STRICT;
  CREATE INDEX IF NOT EXISTS ledger_by_expiry ON ledger (expires_at);
  CREATE TABLE IF NOT EXISTS totals (
    agent_type TEXT NOT NULL,
    code_type TEXT NOT NULL,
    variant_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    reward REAL NOT NULL,
    weight REAL NOT NULL,
    squares REAL NOT NULL,
    generations INTEGER NOT NULL,
    position REAL NOT NULL,
    context TEXT,
    PRIMARY KEY (agent_type, code_type, variant_id)
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    row_count INTEGER NOT NULL,
    written_at_ms INTEGER NOT NULL,
    rows TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS batch (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    last INTEGER NOT NULL,
    is_confirmed INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
`;

interface TotalsRow {
  readonly agent_type: AgentType;
  readonly code_type: CodeType;
  readonly variant_id: VariantId;
  readonly version: number;
  readonly reward: number;
  readonly weight: number;
  readonly squares: number;
  readonly generations: number;
  readonly position: number;
  readonly context: string | null;
}

/** Decisions, ledgers and totals. What writes is to be called in a transaction. */
export class StateTables {
  readonly #findDecision: StatementSync;
  readonly #addDecision: StatementSync;
  readonly #findLedger: StatementSync;
  readonly #putLedger: StatementSync;
  readonly #sweeps: readonly StatementSync[];
  readonly #findTotals: StatementSync;
  readonly #putTotals: StatementSync;
  readonly #listTotals: StatementSync;
  readonly #groupTotals: StatementSync;
  readonly #isEmpty: StatementSync;

  constructor(file: SqliteFile) {
    this.#findDecision = file.prepare(
      "SELECT record FROM decision WHERE generation_id = ? AND expires_at > ?",
    );
    this.#addDecision = file.prepare(
      `INSERT INTO decision VALUES (?, ?, ?) ON CONFLICT DO UPDATE
       SET expires_at = excluded.expires_at, record = excluded.record WHERE expires_at <= ?`,
    );
    this.#findLedger = file.prepare("SELECT contributions FROM ledger WHERE generation_id = ?");
    this.#putLedger = file.prepare("REPLACE INTO ledger VALUES (?, ?, ?)");
    this.#sweeps = ["decision", "ledger"].map((table) =>
      file.prepare(
        `DELETE FROM ${table} WHERE generation_id IN
         (SELECT generation_id FROM ${table} WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
      ),
    );
    this.#findTotals = file.prepare(
      "SELECT * FROM totals WHERE agent_type = ? AND code_type = ? AND variant_id = ?",
    );
    this.#putTotals = file.prepare("REPLACE INTO totals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    this.#listTotals = file.prepare(
      `SELECT * FROM totals WHERE (agent_type, code_type, variant_id) > (?, ?, ?)
       ORDER BY agent_type, code_type, variant_id LIMIT ?`,
    );
    this.#groupTotals = file.prepare("SELECT * FROM totals WHERE agent_type = ? AND code_type = ?");
    this.#isEmpty = file.prepare(
      `SELECT NOT EXISTS (SELECT 1 FROM decision) AND NOT EXISTS (SELECT 1 FROM ledger)
       AND NOT EXISTS (SELECT 1 FROM totals) AS empty`,
    );
  }

  /** Undefined when there is none or it has expired. */
  findDecision(id: GenerationId, nowMs: number): DecisionRecord | undefined {
    const row = this.#findDecision.get(generationIdBytes(id), Math.floor(nowMs / 1000));
    return row === undefined ? undefined : decodeDecisionRecord(id, row["record"] as Uint8Array);
  }

  /** @returns false, and writes nothing, when there is one that has not expired. */
  addDecision(
    record: DecisionRecord,
    { expiresAtSeconds, nowMs }: { expiresAtSeconds: number; nowMs: number },
  ): boolean {
    const { changes } = this.#addDecision.run(
      generationIdBytes(record.generationId),
      expiresAtSeconds,
      encodeDecisionRecord(record),
      Math.floor(nowMs / 1000),
    );
    return changes === 1;
  }

  /**
   * One whose time is over counts until it is swept: it says what was booked, and the clock may be ahead for a while
   * only (`expiry-sweeper.ts`).
   */
  findLedger(id: GenerationId): Ledger | undefined {
    const row = this.#findLedger.get(generationIdBytes(id));
    return row === undefined ? undefined : decodeLedger(row["contributions"] as string);
  }

  putLedger(id: GenerationId, ledger: Ledger): void {
    this.#putLedger.run(generationIdBytes(id), ledger.expiresAtSeconds, encodeLedger(ledger));
  }

  /** Removes what has expired, so much at most. @returns how much. */
  sweep(nowMs: number, rowsMax: number): number {
    let swept = 0;
    for (const sweep of this.#sweeps) {
      swept += Number(sweep.run(Math.floor(nowMs / 1000), rowsMax - swept).changes);
    }
    return swept;
  }

  findTotals({ agentType, codeType, variantId }: ArmKey): ArmTotals | undefined {
    const row = this.#findTotals.get(agentType, codeType, variantId);
    return row === undefined ? undefined : totalsOf(row as unknown as TotalsRow);
  }

  putTotals({ agentType, codeType, variantId, version, totals }: ArmTotals): void {
    const { reward, weight, squares, generations, position, context } = totals;
    this.#putTotals.run(
      ...[agentType, codeType, variantId],
      ...[version, reward, weight, squares, generations, position],
      context === undefined ? null : JSON.stringify(context),
    );
  }

  /** The next ones in the order of their keys, from the first or after one of them. */
  listTotals(after: ArmKey | undefined, rowsMax: number): ArmTotals[] {
    const { agentType = "", codeType = "", variantId = "" } = after ?? {};
    const rows = this.#listTotals.all(agentType, codeType, variantId, rowsMax);
    return (rows as unknown[] as TotalsRow[]).map(totalsOf);
  }

  totalsOfGroup({ agentType, codeType }: ArmGroup): ArmTotals[] {
    const rows = this.#groupTotals.all(agentType, codeType);
    return (rows as unknown[] as TotalsRow[]).map(totalsOf);
  }

  /** True when there are no decisions, ledgers or totals, expired or not. */
  isEmpty(): boolean {
    return this.#isEmpty.get()?.["empty"] === 1;
  }
}

function totalsOf(row: TotalsRow): ArmTotals {
  const { reward, weight, squares, generations, position, context, version } = row;
  return {
    agentType: row.agent_type,
    codeType: row.code_type,
    variantId: row.variant_id,
    version,
    totals: {
      ...{ reward, weight, squares, generations, position },
      ...(context === null ? {} : { context: JSON.parse(context) as ContextTotals }),
    },
  };
}
