import { Cluster, Redis } from "ioredis";
import { withTimeout } from "../../concurrency/in-time.ts";
import { BanditError } from "../../domain/errors.ts";
import type { Logger } from "../../ports/telemetry.ts";

/** One server or a cluster; the commands are the same. */
export type RedisClient = Redis | Cluster;

export interface RedisConnectionOptions {
  /** `redis://` or `rediss://`; several separated by commas mean a cluster. */
  readonly url: string;
  readonly cluster: boolean;
  /** How long a command may take. */
  readonly commandTimeoutMs: number;
  readonly logger: Logger;
}

/** How long connecting at start-up may take; later losses are repaired in the background. */
const connectTimeoutMs = 5_000;

/**
 * Connects and waits until commands are accepted. Commands fail at once while the connection is lost and
 * are never sent twice by the driver: the caller of a decision must know its result.
 * @throws BanditError unavailable.
 */
export async function connectRedis(options: RedisConnectionOptions): Promise<RedisClient> {
  const client = createClient(options);
  // The rejection of connect() says only that the connection was closed; this says why.
  let firstError: Error | undefined;
  client.on("error", (error: Error) => {
    firstError ??= error;
    // The driver would go on in database 0.
    if (client instanceof Redis && isOfSelect(error)) client.disconnect(true);
    options.logger.warn("the connection to Redis has a problem", {
      error: reasonOf(error).message,
    });
  });
  try {
    await inTime(client.connect(), connectTimeoutMs);
    return client;
  } catch (error) {
    client.disconnect();
    throw translateRedisError(firstError ?? error);
  }
}

/** True when a plain connection has reached a node of a cluster, which would answer for some keys only. */
export async function isClusterNode(client: RedisClient): Promise<boolean> {
  if (client instanceof Cluster) return false;
  return (await client.info("cluster")).includes("cluster_enabled:1");
}

/** Number of the database commands go to; a cluster has only number 0. */
export function databaseNumber(client: RedisClient): number {
  return client instanceof Cluster ? 0 : (client.options.db ?? 0);
}

/** Every server that holds data. */
export function masters(client: RedisClient): Redis[] {
  return client instanceof Cluster ? client.nodes("master") : [client];
}

/** Settles like `work`, or rejects with `unavailable` after `timeoutMs`; the work itself goes on. */
export function inTime<Result>(work: Promise<Result>, timeoutMs: number): Promise<Result> {
  return withTimeout(work, timeoutMs, () => {
    throw new BanditError("unavailable", "the state store did not answer in time", {
      reason: "STATE_TIMEOUT",
      retryAfterMs: 100,
    });
  });
}

/** The error callers get in place of the driver's. Bugs (invariants) stay what they are. */
export function translateRedisError(error: unknown): unknown {
  if (error instanceof BanditError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (message.startsWith("invariant violated")) return error;
  const refusal = refusalOfUrl(error);
  if (refusal !== undefined) {
    return new BanditError("failed_precondition", `REDIS_URL ${refusal}`, {
      reason: "REDIS_URL_REFUSED",
      cause: error,
    });
  }
  if (message.includes("OOM command not allowed")) {
    return new BanditError("resource_exhausted", "the state store is out of memory", {
      reason: "STATE_FULL",
      retryAfterMs: 1000,
      cause: error,
    });
  }
  return new BanditError("unavailable", "the state store cannot be reached", {
    reason: "STATE_UNAVAILABLE",
    retryAfterMs: 100,
    cause: error,
  });
}

/** Of a cluster the driver says only that no node could be asked; this is what the last one said. */
function reasonOf<Failure>(error: Failure): Failure {
  return (error as { lastNodeError?: Failure }).lastNodeError ?? error;
}

/** What a server says against the URL itself: waiting for another answer would not help. */
function refusalOfUrl(error: unknown): string | undefined {
  const said = String(reasonOf(error));
  if (isOfSelect(error) && !said.includes("NOAUTH")) {
    return "names a database that the server does not have or does not let this user select";
  }
  if (said.includes("cluster support disabled")) {
    return "names a cluster, but the server is none; give one address, without BANDIT_REDIS_CLUSTER";
  }
  return undefined;
}

/** The server has refused to change to the database that the URL names. */
function isOfSelect(error: unknown): boolean {
  return (error as { command?: { name?: string } }).command?.name === "select";
}

function createClient(options: RedisConnectionOptions): RedisClient {
  const urls = options.url.split(",").map((url) => url.trim());
  const common = {
    lazyConnect: true,
    protocol: 2,
    connectTimeout: connectTimeoutMs,
    connectionName: "banditd",
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A connection that has gone silent with commands under way is given up and made anew.
    socketTimeout: 2 * options.commandTimeoutMs,
  } as const;
  if (!options.cluster && urls.length === 1) {
    return new Redis(urls[0] as string, {
      ...common,
      enableOfflineQueue: false,
      retryStrategy: reconnectDelayMs,
      reconnectOnError: isDemoted,
    });
  }
  const { protocol, username, password } = new URL(urls[0] as string);
  const cluster = new Cluster(urls, {
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: reconnectDelayMs,
    slotsRefreshTimeout: options.commandTimeoutMs,
    redisOptions: {
      ...common,
      ...(username === "" ? {} : { username: decodeURIComponent(username) }),
      ...(password === "" ? {} : { password: decodeURIComponent(password) }),
      ...(protocol === "rediss:" ? { tls: {} } : {}),
    },
  });
  stopOwnSubscriber(cluster);
  return cluster;
}

/**
 * Keeps the driver's cluster client from holding a subscriber connection of its own, which we do not use
 * (see totals-channel.ts): while all nodes are down it reconnects without any pause, which was measured
 * at one whole core and 50 MB of memory a second. There is no option for it in ioredis 6.0.
 */
function stopOwnSubscriber(cluster: Cluster): void {
  const own = cluster as unknown as { subscriber?: { start?: () => void } };
  if (own.subscriber?.start !== undefined) own.subscriber.start = () => undefined;
}

/**
 * The server has become a replica: where its name points to now is looked up anew. What it has refused fails and is
 * not sent again. In a cluster the driver is told of the new place instead.
 */
function isDemoted(error: Error): boolean {
  return error.message.startsWith("READONLY");
}

/** Milliseconds to wait before the given attempt, 1, 2, 3, …: 50 to 1000. */
export function reconnectDelayMs(attempt: number): number {
  return Math.min(25 * 2 ** Math.min(attempt, 6), 1000);
}
