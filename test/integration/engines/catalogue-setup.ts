import pg from "pg";
import {
  type OpenedPostgres,
  openPostgres,
  type PostgresOptions,
} from "../../../src/adapters/postgres/open-postgres.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import type { Logger } from "../../../src/ports/telemetry.ts";

export const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

export const logger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** On the server of the URL, or in a directory. */
export async function openCatalogue(
  place: string | { directory: string },
  changes: Partial<PostgresOptions> = {},
): Promise<OpenedPostgres> {
  const at = typeof place === "string" ? { url: place } : place;
  return openPostgres({ place: at, logger, clock, ...changes });
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
