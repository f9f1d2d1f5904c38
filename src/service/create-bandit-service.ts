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
import { Alarms } from "./alarms.ts";
import { AllocationTable } from "./allocation-table.ts";
import { ApplySpooled } from "./apply-spooled.ts";
import type { Backlog } from "./backlog.ts";
import type { BanditService, ServiceInfo } from "./bandit-service.ts";
import { BookDefaultRewards } from "./book-default-rewards.ts";
import { CatalogueCache } from "./catalogue-cache.ts";
import type { EventDrain } from "./event-drain.ts";
import { createEventPath, type OutboxBound } from "./event-path.ts";
import { ExplainGeneration } from "./explain-generation.ts";
import { DecisionFinder } from "./find-decision.ts";
import { GenerationIdFactory } from "./generation-id-factory.ts";
import { GetAllocation } from "./get-allocation.ts";
import { ManageAgentTypes } from "./manage-agent-types.ts";
import { ManageDeadLetters } from "./manage-dead-letters.ts";
import { ManageMode } from "./manage-mode.ts";
import { ManagePolicies } from "./manage-policies.ts";
import { ManageVariants } from "./manage-variants.ts";
import { QueryEvents } from "./query-events.ts";
import { RebuildPosteriors } from "./rebuild/rebuild-posteriors.ts";
import { RecentDecisions } from "./recent-decisions.ts";
import { RecordGeneration } from "./record-generation.ts";
import { RecordOutcome } from "./record-outcome.ts";
import { ReportIntake } from "./report-intake.ts";
import { RewardChanges } from "./reward-changes.ts";
import { SelectVariant } from "./select-variant.ts";
import { SnapshotKeeper } from "./snapshot-keeper.ts";
import { Spool } from "./spool.ts";
import { SpoolReplay } from "./spool-replay.ts";
import { StateGuard } from "./state-guard.ts";
import { TotalsSync } from "./totals-sync.ts";

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
  readonly outbox: OutboxBound;
  /** Where events go for which the outbox has no room. Absent: not used, and nothing is left from before. */
  readonly spill?: DiskQueue;
  readonly drainIntervalMs: number;
  readonly drainRowsMax: number;
  readonly totalsSyncIntervalMs: number;
  /** Days after which the event log deletes events. Absent: never. */
  readonly eventRetentionDays?: number;
  /** Between two rounds of booking default rewards. */
  readonly defaultRewardIntervalMs: number;
  /**
   * Longest wait for the state store before calls go on without it, milliseconds. Absent: it is embedded, and
   * waited for.
   */
  readonly stateTimeoutMs?: number;
  /** What cannot be stored now is kept here. Absent: it is refused. */
  readonly spool?: DiskQueue;
  /**
   * The catalogue as the caller has read it, or, with the time at which it was saved, a snapshot of it. The caller
   * then calls `catalogue.refresh()` until that succeeds once. Absent: it is read here.
   */
  readonly startCatalogue?: {
    readonly snapshot: CatalogueSnapshot;
    readonly savedAtMs: number | undefined;
  };
  /** Where the catalogue is kept for a start without its engine; absent: nowhere. */
  readonly catalogueSnapshots?: CatalogueSnapshots;
  /** Where posteriors are kept for a start without the state store; absent: nowhere. */
  readonly posteriorSnapshots?: PosteriorSnapshots;
}

/** How soon a new revision of the catalogue is saved. */
const catalogueSnapshotIntervalMs = 500;
const posteriorSnapshotIntervalMs = 10_000;

/** The use cases, put together, and the background work they need. */
export interface RunningBanditService {
  readonly service: BanditService;
  readonly drain: EventDrain;
  readonly catalogue: CatalogueCache;
  readonly defaultRewards: BookDefaultRewards;
  /** Costs nothing. */
  backlog(): Backlog;
  /** The state store has lost everything, and nothing was put back yet. Costs nothing. */
  stateLost(): boolean;
  /** Ends background work; what is in the outbox stays there. The stores are the caller's to close. */
  stop(): Promise<void>;
}

/**
 * Reads the catalogue and every posterior, then starts following both. Begins without posteriors, or with those of the
 * last snapshot, when the state store cannot be reached.
 * @throws BanditError unavailable when the catalogue is to be read and cannot be.
 */
export async function createBanditService(
  options: BanditServiceOptions,
): Promise<RunningBanditService> {
  const { state, catalogue, eventLog, clock, telemetry, logger } = options;
  const { startCatalogue, catalogueSnapshots, posteriorSnapshots } = options;
  const cache =
    startCatalogue === undefined
      ? await CatalogueCache.load(catalogue, logger)
      : CatalogueCache.fromSnapshot(catalogue, logger, startCatalogue);
  const changes = new RewardChanges({ catalogue: cache, clock, telemetry, logger });
  const allocations = new AllocationTable({
    clock,
    telemetry,
    onLearned: (arm, before, after) => {
      changes.observe(arm, before, after);
    },
  });
  const sync = new TotalsSync({
    state,
    eventLog,
    allocations,
    logger,
    intervalMs: options.totalsSyncIntervalMs,
  });
  const posteriorsAreRead = await sync.start();
  if (!posteriorsAreRead) await restorePosteriors(allocations, posteriorSnapshots, logger);
  const keepers = [
    catalogueSnapshots &&
      new SnapshotKeeper({
        what: "catalogue",
        version: () => cache.view,
        save: () => catalogueSnapshots.save(cache.view.snapshot),
        ...(cache.savedAtMs === undefined ? {} : { savedVersion: cache.view }),
        intervalMs: catalogueSnapshotIntervalMs,
        logger,
      }),
    posteriorSnapshots &&
      new SnapshotKeeper({
        what: "posteriors",
        version: () => allocations.changes,
        save: () => posteriorSnapshots.save(allocations.known()),
        // What comes from the snapshot is in it.
        ...(posteriorsAreRead ? {} : { savedVersion: allocations.changes }),
        intervalMs: posteriorSnapshotIntervalMs,
        logger,
      }),
  ].filter((keeper) => keeper !== undefined);
  for (const keeper of keepers) keeper.start();
  const eventPath = createEventPath(options);
  await eventPath.start();
  const { drain, deadLetterCount } = eventPath;

  const defaultRewards = new BookDefaultRewards({
    catalogue: cache,
    allocations,
    state,
    eventLog,
    drain,
    clock,
    telemetry,
    logger,
    intervalMs: options.defaultRewardIntervalMs,
  });
  defaultRewards.start();

  const ids = new GenerationIdFactory({ clock, entropy: options.entropy });
  const recent = new RecentDecisions(options.recentDecisionsMax);
  const alarms = new Alarms(clock);
  const guard = new StateGuard({
    state,
    alarms,
    clock,
    telemetry,
    logger,
    ...(options.stateTimeoutMs === undefined ? {} : { timeoutMs: options.stateTimeoutMs }),
  });
  const spool =
    options.spool === undefined
      ? {}
      : { spool: new Spool({ queue: options.spool, clock, telemetry }) };
  // The embedded store is never out of reach: what another configuration has left is applied, nothing is added.
  const spooling = options.stateTimeoutMs === undefined ? {} : spool;
  const intake = new ReportIntake({ guard, alarms, clock, ...spooling });
  const decisions = new DecisionFinder({
    ...{ recent, state, guard, eventLog, clock, ...spool },
    checkStateLost: () => sync.checkStateLost(),
  });
  const agentTypes = new ManageAgentTypes({ catalogue, cache });
  const policies = new ManagePolicies({ catalogue, cache });
  const variants = new ManageVariants({ catalogue, cache });
  const mode = new ManageMode({ catalogue, cache });
  const select = new SelectVariant({
    catalogue: cache,
    allocations,
    state,
    outbox: eventPath.watch,
    guard,
    alarms,
    ...spooling,
    ids,
    recent,
    clock,
    telemetry,
    logger,
    ...(options.autoCreateAgentTypes
      ? { createAgentType: (agentType, context) => agentTypes.createMissing(agentType, context) }
      : {}),
  });
  const recordGeneration = new RecordGeneration({
    catalogue: cache,
    allocations,
    decisions,
    state,
    outbox: eventPath.watch,
    guard,
    intake,
    clock,
    telemetry,
    storeContent: options.storeContent,
  });
  const recordOutcome = new RecordOutcome({
    catalogue: cache,
    allocations,
    decisions,
    state,
    outbox: eventPath.watch,
    guard,
    intake,
    ids,
    userIds: options.userIds,
    clock,
    telemetry,
  });
  const allocation = new GetAllocation({ catalogue: cache, allocations, changes, clock });
  const explanation = new ExplainGeneration({ eventLog, drain, decisions, clock });
  const queries = new QueryEvents({ eventLog, drain, clock });
  const spooled = new ApplySpooled({
    state,
    outbox: eventPath.watch,
    guard,
    outcomes: recordOutcome,
    generations: recordGeneration,
    recent,
    alarms,
    clock,
    logger,
  });
  const spoolReplay =
    spool.spool &&
    new SpoolReplay({
      spool: spool.spool,
      guard,
      apply: spooled,
      deadLetters: eventPath.recordDeadLetters,
      clock,
      telemetry,
      logger,
    });
  spoolReplay?.start();
  const deadLetters = new ManageDeadLetters({
    applySpooled: (content) => spooled.executeText(content),
    store: options.deadLetters,
    count: deadLetterCount,
    eventLog,
    clock,
    telemetry,
    logger,
  });

  const rebuild = new RebuildPosteriors({
    ...{ state, eventLog, catalogue: cache, drain, clock, logger },
    onRestored: () => sync.compare(),
    ...(options.eventRetentionDays === undefined
      ? {}
      : { eventRetentionDays: options.eventRetentionDays }),
  });

  const service: BanditService = {
    selectVariant: (request, context) => select.execute(request, context),
    recordGeneration: (report, context) => recordGeneration.execute(report, context),
    recordOutcome: (outcome, context) => recordOutcome.execute(outcome, context),
    getAllocation: async (request) => allocation.execute(request),
    createAgentType: (request, context) => agentTypes.create(request, context),
    getAgentType: async (agentType) => agentTypes.get(agentType),
    listAgentTypes: async (page) => agentTypes.list(page),
    getPolicy: async (request) => policies.get(request),
    setPolicy: (request, context) => policies.set(request, context),
    deletePolicy: (request, context) => policies.delete(request, context),
    createVariant: (request, context) => variants.create(request, context),
    getVariant: async (variantId) => variants.get(variantId),
    listVariants: async (request) => variants.list(request),
    promoteVariant: (request, context) => variants.promote(request, context),
    retireVariant: (request, context) => variants.retire(request, context),
    getMode: async () => mode.get(),
    setMode: (request, context) => mode.set(request, context),
    explainGeneration: (generationId, context) => explanation.execute(generationId, context),
    query: (request, context) => queries.execute(request, context),
    info: () => options.info,
    listDeadLetters: (request) => deadLetters.list(request),
    getDeadLetter: (id) => deadLetters.get(id),
    replayDeadLetters: (ids, context) => deadLetters.replay(ids, context),
    dropDeadLetters: (ids, context) => deadLetters.drop(ids, context),
    rebuild: (request, context) => rebuild.execute(request, context),
  };
  return {
    service,
    drain,
    catalogue: cache,
    defaultRewards,
    backlog: () => ({
      outbox: eventPath.watch.outbox,
      outboxIsFull: eventPath.watch.isFull,
      ...(spooling.spool && { spool: spooling.spool.queue.size }),
    }),
    stateLost: () => sync.stateLost,
    async stop() {
      cache.stop();
      sync.stop();
      guard.stop();
      // Side by side: whatever waits for an engine that hangs must not keep the others from ending.
      await Promise.all([
        ...keepers.map((keeper) => keeper.stop()),
        rebuild.stop(),
        spoolReplay?.stop(),
        defaultRewards.stop(),
        eventPath.stop(),
      ]);
    },
  };
}

async function restorePosteriors(
  allocations: AllocationTable,
  snapshots: PosteriorSnapshots | undefined,
  logger: Logger,
): Promise<void> {
  const saved = await snapshots?.find();
  if (saved === undefined) {
    logger.warn("there is no snapshot of the posteriors: decisions are drawn from the priors");
    return;
  }
  for (const arm of saved.arms) allocations.restore(arm);
  logger.warn("posteriors come from their last snapshot until the state store is there", {
    arms: saved.arms.length,
    savedAt: new Date(saved.savedAtMs).toISOString(),
  });
}
