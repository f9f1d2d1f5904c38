import type { BanditService } from "./api/bandit-service.ts";
import type { BanditServiceOptions } from "./bandit-service-options.ts";
import { CatalogueCache } from "./catalogue/catalogue-cache.ts";
import { ManageAgentTypes } from "./catalogue/manage-agent-types.ts";
import { ManageMode } from "./catalogue/manage-mode.ts";
import { ManagePolicies } from "./catalogue/manage-policies.ts";
import { ManageVariants } from "./catalogue/manage-variants.ts";
import { GenerationIdFactory } from "./deciding/generation-id-factory.ts";
import { GetAllocation } from "./deciding/get-allocation.ts";
import { RecentDecisions } from "./deciding/recent-decisions.ts";
import { SelectVariant } from "./deciding/select-variant.ts";
import type { Backlog } from "./events/backlog.ts";
import type { EventDrain } from "./events/event-drain.ts";
import { createEventPath } from "./events/event-path.ts";
import { ManageDeadLetters } from "./events/manage-dead-letters.ts";
import { ExplainGeneration } from "./insight/explain-generation.ts";
import { QueryEvents } from "./insight/query-events.ts";
import { keepSnapshots, restorePosteriors } from "./outage/snapshots.ts";
import { createSpooling, startReplay } from "./outage/spooling.ts";
import { AllocationTable } from "./posteriors/allocation-table.ts";
import { RewardChanges } from "./posteriors/reward-changes.ts";
import { TotalsSync } from "./posteriors/totals-sync.ts";
import { RebuildPosteriors } from "./rebuild/rebuild-posteriors.ts";
import { BookDefaultRewards } from "./recording/book-default-rewards.ts";
import { DecisionFinder } from "./recording/find-decision.ts";
import { RecordGeneration } from "./recording/record-generation.ts";
import { RecordOutcome } from "./recording/record-outcome.ts";

export type { BanditServiceOptions } from "./bandit-service-options.ts";

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
  const snapshots = keepSnapshots({
    ...{ cache, allocations, catalogueSnapshots, posteriorSnapshots, posteriorsAreRead, logger },
  });
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
  const recent = new RecentDecisions(options.recentDecisionsMax, clock);
  const spooling = createSpooling(options);
  const { timers, guard, intake, whatIsLeft, forMore } = spooling;
  const decisions = new DecisionFinder({
    ...{ recent, state, guard, eventLog, clock, ...whatIsLeft },
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
    timers,
    ...forMore,
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
  const explanation = new ExplainGeneration({ eventLog, drain, decisions, clock, timers });
  const queries = new QueryEvents({ eventLog, drain, clock, timers });
  const replay = startReplay(spooling, {
    ...{ state, guard, timers, recent, catalogue: cache, clock, telemetry, logger },
    outbox: eventPath.watch,
    deadLetters: eventPath.recordDeadLetters,
    outcomes: recordOutcome,
    generations: recordGeneration,
  });
  const deadLetters = new ManageDeadLetters({
    applySpooled: (content) => replay.apply.executeText(content),
    store: options.deadLetters,
    count: deadLetterCount,
    eventLog,
    clock,
    telemetry,
    logger,
  });

  const rebuild = new RebuildPosteriors({
    ...{ state, eventLog, catalogue: cache, drain, clock, logger },
    deadLetters: options.deadLetters,
    onRestored: () => sync.compare(),
    ...(options.eventRetentionDays === undefined
      ? {}
      : { eventRetentionDays: options.eventRetentionDays }),
  });

  const service: BanditService = {
    decisions: {
      selectVariant: (request, context) => select.execute(request, context),
      recordGeneration: (report, context) => recordGeneration.execute(report, context),
      recordOutcome: (outcome, context) => recordOutcome.execute(outcome, context),
      getAllocation: async (request) => allocation.execute(request),
    },
    catalog: {
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
    },
    insight: {
      explainGeneration: (generationId, context) => explanation.execute(generationId, context),
      query: (request, context) => queries.execute(request, context),
      info: () => options.info,
    },
    deadLetters: {
      listDeadLetters: (request) => deadLetters.list(request),
      getDeadLetter: (id) => deadLetters.get(id),
      replayDeadLetters: (ids, context) => deadLetters.replay(ids, context),
      dropDeadLetters: (ids, context) => deadLetters.drop(ids, context),
    },
    repair: { rebuild: (request, context) => rebuild.execute(request, context) },
  };
  return {
    service,
    drain,
    catalogue: cache,
    defaultRewards,
    backlog: () => ({
      outbox: eventPath.watch.outbox,
      outboxIsFull: eventPath.watch.isFull,
      ...(forMore.spool && { spool: forMore.spool.queue.size }),
    }),
    stateLost: () => sync.stateLost,
    async stop() {
      cache.stop();
      sync.stop();
      guard.stop();
      // Side by side: whatever waits for an engine that hangs must not keep the others from ending.
      await Promise.all([
        snapshots.stop(),
        rebuild.stop(),
        replay.stop(),
        defaultRewards.stop(),
        eventPath.stop(),
      ]);
    },
  };
}
