import { type LoggedEvents, type Stream, streams, type TableRows } from "./verdict.ts";

/** The service's own, when its URL names none. */
const database = "bandit";

/** Asks the engine of the event log itself. */
export type EngineQuery = <Row>(sql: string) => Promise<Row[]>;

interface IdRow {
  readonly id: string;
  readonly copies: number;
}

interface DecisionRow {
  readonly id: string;
  readonly variant_id: string;
  readonly position: number;
  readonly decided_at_ms: number | string;
}

/** Everything the event log has about these code types, copies included. */
export async function readLoggedEvents(
  query: EngineQuery,
  codeTypes: readonly string[],
): Promise<LoggedEvents> {
  const where = `code_type IN (${codeTypes.map((codeType) => `'${codeType}'`).join(", ")})`;
  const table = async (stream: Stream): Promise<[Stream, TableRows]> => {
    const id =
      stream === "outcomes"
        ? "concat(toString(generation_id), '/', outcome_id)"
        : "toString(generation_id)";
    const rows = await query<IdRow>(
      `SELECT ${id} AS id, toUInt32(count()) AS copies FROM ${database}.${stream} WHERE ${where} GROUP BY id`,
    );
    const [final] = await query<{ rows: number }>(
      `SELECT toUInt32(count()) AS rows FROM ${database}.${stream} FINAL WHERE ${where}`,
    );
    const ids = rows.flatMap((row) => Array.from({ length: row.copies }, () => row.id));
    return [stream, { ids, finalRows: final?.rows ?? 0 }];
  };
  const decisions = await query<DecisionRow>(
    `SELECT toString(generation_id) AS id, variant_id, forgetting_position AS position,
       toUnixTimestamp64Milli(decided_at) AS decided_at_ms
     FROM ${database}.decisions FINAL WHERE ${where}`,
  );
  const received = await query<{ id: string; ms: number | string }>(
    `SELECT concat(toString(generation_id), '/', outcome_id) AS id, toUnixTimestamp64Milli(received_at) AS ms
     FROM ${database}.outcomes FINAL WHERE ${where}
     UNION ALL SELECT toString(generation_id), toUnixTimestamp64Milli(recorded_at)
     FROM ${database}.generations FINAL WHERE ${where}`,
  );
  const tables = Object.fromEntries(await Promise.all(streams.map(table)));
  return {
    tables: tables as LoggedEvents["tables"],
    decisions: new Map(
      decisions.map(({ id, variant_id, position, decided_at_ms }) => [
        id,
        { variantId: variant_id, position, decidedAtMs: Number(decided_at_ms) },
      ]),
    ),
    receivedAtMs: new Map(received.map(({ id, ms }) => [id, Number(ms)])),
  };
}

/** Keeps the engine from merging copies of a row into one before they are counted. */
export async function keepCopies(command: (sql: string) => Promise<void>): Promise<void> {
  for (const stream of streams) await command(`SYSTEM STOP MERGES ${database}.${stream}`);
}
