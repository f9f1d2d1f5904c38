import { fileURLToPath } from "node:url";
import pg from "pg";
import { PostgresCatalogue } from "../../../src/adapters/postgres/postgres-catalogue.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import type { Logger } from "../../../src/ports/telemetry.ts";

export const migrationsDirectory = fileURLToPath(
  new URL("../../../migrations/postgres/", import.meta.url),
);

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

export function connectCatalogue(
  url: string,
  changes: Partial<Parameters<typeof PostgresCatalogue.connect>[0]> = {},
): PostgresCatalogue {
  return PostgresCatalogue.connect({ url, migrationsDirectory, logger, clock, ...changes });
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
