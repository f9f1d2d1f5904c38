import { BanditError } from "../../domain/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { metaKey, originField } from "./keys.ts";
import { foundOrigin } from "./origin.ts";
import { masters, type RedisClient } from "./redis-client.ts";

const versionMin = 7;

/**
 * What must be so before the store is used.
 * @throws BanditError failed_precondition: a server older than Redis 7, or data laid out for another
 * number of partitions. resource_exhausted: it is full and was never used, so that what it lacks cannot be written.
 */
export async function checkServer(
  client: RedisClient,
  { partitions, clock, logger }: { partitions: number; clock: Clock; logger: Logger },
): Promise<void> {
  for (const server of masters(client)) checkInfo(parseInfo(await server.info()), logger);
  const stored = await writeWhatIsMissing(client, { partitions, clock });
  if (stored !== partitions) {
    throw new BanditError(
      "failed_precondition",
      `this Redis holds state in ${stored} partitions, but ${partitions} are configured; the number cannot be changed`,
      { reason: "STATE_PARTITIONS_MISMATCH" },
    );
  }
}

/** Writes nothing where nothing is missing: a full server refuses even that. @returns the number of partitions in force */
async function writeWhatIsMissing(
  client: RedisClient,
  { partitions, clock }: { partitions: number; clock: Clock },
): Promise<number> {
  const [stored, origin] = await client.hmget(metaKey, "partitions", originField);
  const isEmpty = stored === null && (await client.hsetnx(metaKey, "partitions", partitions)) === 1;
  if (origin === null) {
    await client.hsetnx(metaKey, originField, foundOrigin(isEmpty ? clock.nowMs() : 0));
  }
  // Another process may have been first.
  return Number(stored ?? (await client.hget(metaKey, "partitions")));
}

/** Exported for the test: versions that are not at hand. */
export function checkInfo(info: ReadonlyMap<string, string>, logger: Logger): void {
  const version = info.get("redis_version") ?? "unknown";
  if (!(Number.parseInt(version, 10) >= versionMin)) {
    throw new BanditError(
      "failed_precondition",
      `the state store needs Redis ${versionMin} or newer; this server is ${version}`,
      { reason: "REDIS_TOO_OLD", metadata: { version } },
    );
  }
  const policy = info.get("maxmemory_policy");
  if (policy !== "noeviction") {
    logger.warn("Redis may evict posteriors and events: set maxmemory-policy to noeviction", {
      maxmemoryPolicy: policy,
    });
  }
  if (info.get("aof_enabled") !== "1") {
    logger.warn("Redis keeps no append-only file: a crash loses decisions and what was learned", {
      remedy: "appendonly yes",
    });
  }
}

/** The reply of INFO as name → value. */
export function parseInfo(text: string): Map<string, string> {
  const info = new Map<string, string>();
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) info.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return info;
}
