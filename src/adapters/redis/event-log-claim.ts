import { BanditError } from "../../domain/errors.ts";
import { eventLogField, metaKey } from "./keys.ts";
import type { RedisClient } from "./redis-client.ts";

/** Where the events of a process go. */
export interface EventLogClaim {
  /** The same for all processes that write to one event log; no spaces. */
  readonly id: string;
  /** For people: `the embedded event log in /var/lib/banditd on host-1`. */
  readonly place: string;
}

/**
 * Notes for good where the events of this state go. Every process takes batches from the outbox, so with two event logs
 * neither would hold what the state has learned.
 * @throws BanditError failed_precondition when another event log is noted
 */
export async function claimEventLog(client: RedisClient, own: EventLogClaim): Promise<void> {
  const claim = `${own.id} ${own.place}`;
  // Written only where it is missing: a full server refuses even that.
  let noted = await client.hget(metaKey, eventLogField);
  if (noted === null) {
    await client.hsetnx(metaKey, eventLogField, claim);
    noted = (await client.hget(metaKey, eventLogField)) ?? claim;
  }
  const space = noted.indexOf(" ");
  if (noted.slice(0, space) === own.id) return;
  throw new BanditError(
    "failed_precondition",
    `the events of this Redis go to ${noted.slice(space + 1)}, those of this process would go to ${own.place}: set ` +
      "CLICKHOUSE_URL to the same server for every process that shares REDIS_URL " +
      '(docs/operating/backup-and-restore.md, "Moving the events")',
    { reason: "EVENT_LOG_NOT_SHARED" },
  );
}
