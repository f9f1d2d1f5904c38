import type {} from "vitest";
import type { TestProject } from "vitest/node";
import { startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** A real Redis for the whole run; give every test its own key prefix or database. */
    redisUrl: string;
    /** A real Postgres for the whole run, as superuser; give every test file its own database. */
    postgresUrl: string;
  }
}

/** Starts the real engines once for the whole run. A missing engine fails the run; it never skips. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  project.provide("redisUrl", redis.url);
  project.provide("postgresUrl", postgres.url);
  return async () => {
    await Promise.all([redis.stop(), postgres.stop()]);
  };
}
