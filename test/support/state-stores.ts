import { randomUUID } from "node:crypto";
import { RedisStateStore } from "../../src/adapters/redis/redis-state-store.ts";
import {
  SqliteStateStore,
  type SqliteStateStoreOptions,
} from "../../src/adapters/sqlite/sqlite-state-store.ts";
import { silentLogger, systemClock } from "./state-samples.ts";

const base = { clock: systemClock, logger: silentLogger };
export type RedisStateStoreOptions = Parameters<typeof RedisStateStore.connect>[0];

/** A store on the Redis of the URL, as another process would have it. */
export const openRedisState = (url: string, options: Partial<RedisStateStoreOptions> = {}) =>
  RedisStateStore.connect({ ...base, url, consumer: randomUUID(), ...options });

/** A store in the directory. */
export const openSqliteState = (
  directory: string,
  options: Partial<SqliteStateStoreOptions> = {},
) => SqliteStateStore.open({ ...base, directory, ...options });
