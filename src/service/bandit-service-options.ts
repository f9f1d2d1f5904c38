import type { Catalogue, CatalogueSnapshot } from "../ports/catalogue.ts";
import type { CatalogueSnapshots } from "../ports/catalogue-snapshots.ts";
import type { Clock } from "../ports/clock.ts";
import type { DeadLetterStore } from "../ports/dead-letters.ts";
import type { DiskQueue } from "../ports/disk-queue.ts";
import type { Entropy } from "../ports/entropy.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { PosteriorSnapshots } from "../ports/posterior-snapshots.ts";
import type { StateStore } from "../ports/state-store.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import type { UserIdHasher } from "../ports/user-id-hasher.ts";
import type { ServiceInfo } from "./api/insight.ts";
import type { OutboxLimit } from "./events/event-path.ts";

/** What the service is put together from. */
export interface BanditServiceOptions {
  readonly state: StateStore;
  readonly catalogue: Catalogue;
  readonly eventLog: EventLog;
  readonly deadLetters: DeadLetterStore;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly userIds: UserIdHasher;
  readonly info: ServiceInfo;
  /** Store generated content (invariant I6). */
  readonly storeContent: boolean;
  /** Create agent types that are asked for and do not exist. */
  readonly autoCreateAgentTypes: boolean;
  readonly recentDecisionsMax: number;
  readonly outbox: OutboxLimit;
  /** Takes events when the outbox has no room. Undefined: not used, and empty from before. */
  readonly spill: DiskQueue | undefined;
  readonly drainIntervalMs: number;
  readonly drainRowsMax: number;
  readonly totalsSyncIntervalMs: number;
  /** Days after which the event log deletes events. Undefined: never. */
  readonly eventRetentionDays: number | undefined;
  /** Between two rounds of booking default rewards. */
  readonly defaultRewardIntervalMs: number;
  /**
   * Longest wait for the state store before calls go on without it, milliseconds. Undefined: it is embedded, and
   * waited for.
   */
  readonly stateTimeoutMs: number | undefined;
  /** What cannot be stored now is kept here. Undefined: it is refused. */
  readonly spool: DiskQueue | undefined;
  /**
   * The catalogue as the caller has read it, or, with the time at which it was saved, a snapshot of it. The caller
   * then calls `catalogue.refresh()` until that succeeds once. Undefined: it is read here.
   */
  readonly startCatalogue:
    | { readonly snapshot: CatalogueSnapshot; readonly savedAtMs: number | undefined }
    | undefined;
  /** Where the catalogue is kept for a start without its engine; undefined: nowhere. */
  readonly catalogueSnapshots: CatalogueSnapshots | undefined;
  /** Where posteriors are kept for a start without the state store; undefined: nowhere. */
  readonly posteriorSnapshots: PosteriorSnapshots | undefined;
}
