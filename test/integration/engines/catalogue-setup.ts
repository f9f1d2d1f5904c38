import pg from "pg";
import {
  type OpenedPostgres,
  openPostgres,
  type PostgresOptions,
} from "../../../src/adapters/postgres/open-postgres.ts";
import { silentLogger, systemClock } from "../../support/state-samples.ts";

/** On the server of the URL, or in a directory. */
export async function openCatalogue(
  place: string | { directory: string },
  changes: Partial<PostgresOptions> = {},
): Promise<OpenedPostgres> {
  const at = typeof place === "string" ? { url: place } : place;
  return openPostgres({ place: at, logger: silentLogger, clock: systemClock, ...changes });
}

export async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
