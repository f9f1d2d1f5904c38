import { DeadlineTimers } from "../concurrency/deadline-timers.ts";
import type { BanditService } from "./api/bandit-service.ts";
import type { CatalogApi } from "./api/catalog.ts";
import type { BanditServiceOptions } from "./bandit-service-options.ts";
import { CatalogueCache } from "./catalogue/catalogue-cache.ts";
import { ManageAgentTypes } from "./catalogue/manage-agent-types.ts";
import { ManageMode } from "./catalogue/manage-mode.ts";
import { ManagePolicies } from "./catalogue/manage-policies.ts";
import { ManageVariants } from "./catalogue/manage-variants.ts";
import { GenerationIdFactory } from "./deciding/generation-id-factory.ts";
import { getAllocation } from "./deciding/get-allocation.ts";
import { SelectVariant } from "./deciding/select-variant.ts";
import type { Backlog } from "./events/backlog.ts";
import type { EventDrain } from "./events/event-drain.ts";
import { createEventPath, type EventPath } from "./events/event-path.ts";
import { ManageDeadLetters } from "./events/manage-dead-letters.ts";
import { explainGeneration } from "./insight/explain-generation.ts";
import { queryEvents } from "./insight/query-events.ts";
import { applySpooled } from "./outage/apply-spooled.ts";
import { keepSnapshots, restorePosteriors } from "./outage/snapshots.ts";
import { Spool } from "./outage/spool.ts";
import { SpoolDrain } from "./outage/spool-drain.ts";
import { decodeSpooled } from "./outage/spooled-record.ts";
import { AllocationTable } from "./posteriors/allocation-table.ts";
import { RewardChanges } from "./posteriors/reward-changes.ts";
import { TotalsSync } from "./posteriors/totals-sync.ts";
import { RebuildPosteriors } from "./rebuild/rebuild-posteriors.ts";
import { BookDefaultRewards } from "./recording/book-default-rewards.ts";
import { DecisionFinder } from "./recording/find-decision.ts";
import { RecentDecisions } from "./recording/recent-decisions.ts";
import { recordGeneration } from "./recording/record-generation.ts";
import { recordOutcome } from "./recording/record-outcome.ts";
import { ReportBooking } from "./recording/report-booking.ts";
import { ReportIntake } from "./recording/report-intake.ts";
import { OnlineState } from "./state/online-state.ts";

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
  /** Ends background work; events in the outbox stay there. The caller closes the stores. */
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
  const online = openOnlineState(options);
  const known = await followStores(options, online.state);
  const events = createEventPath(options);
  await events.start();
  const paths = createPaths(options, { online, known, events });
  const background = startBackground(options, { known, events });
  paths.drain?.start();
  return {
    service: createApi(options, { online, known, events, paths, background }),
    drain: events.drain,
    catalogue: known.catalogue,
    defaultRewards: background.defaultRewards,
    backlog: () => ({
      outbox: events.outbox.state,
      outboxIsFull: events.outbox.isFull,
      writeProblem: events.drain.writeProblem,
      spool: paths.spoolForNew?.queue.size,
    }),
    stateLost: () => known.sync.stateLost,
    async stop() {
      stopFollowing(known, online.state);
      // Side by side: whatever waits for an engine that hangs must not keep the others from ending.
      await Promise.all([
        known.snapshots.stop(),
        background.rebuild.stop(),
        paths.drain?.stop(),
        background.defaultRewards.stop(),
        events.stop(),
      ]);
    },
  };
}

interface Online {
  readonly timers: DeadlineTimers;
  readonly state: OnlineState;
}

function openOnlineState(options: BanditServiceOptions): Online {
  const timers = new DeadlineTimers(options.clock);
  return {
    timers,
    state: new OnlineState({ ...options, timers, timeoutMs: options.stateTimeoutMs }),
  };
}

/** Catalogue and posteriors in memory, in step with their stores. */
type Known = Awaited<ReturnType<typeof followStores>>;

async function followStores(options: BanditServiceOptions, online: OnlineState) {
  const { startCatalogue, posteriorSnapshots, clock, telemetry, logger } = options;
  const catalogue =
    startCatalogue === undefined
      ? await CatalogueCache.load(options.catalogue, logger)
      : CatalogueCache.fromSnapshot(options.catalogue, logger, startCatalogue);
  const changes = new RewardChanges({ catalogue, clock, telemetry, logger });
  const allocations = new AllocationTable({
    clock,
    telemetry,
    onLearned: (arm, before, after) => changes.observe(arm, before, after),
  });
  const sync = new TotalsSync({
    ...options,
    online,
    allocations,
    intervalMs: options.totalsSyncIntervalMs,
  });
  try {
    const posteriorsAreRead = await sync.start();
    if (!posteriorsAreRead) await restorePosteriors(allocations, posteriorSnapshots, logger);
    const snapshots = keepSnapshots({
      ...options,
      cache: catalogue,
      allocations,
      posteriorsAreRead,
    });
    return { catalogue, changes, allocations, sync, snapshots };
  } catch (error) {
    stopFollowing({ catalogue, sync }, online);
    throw error;
  }
}

function stopFollowing(
  { catalogue, sync }: { catalogue: CatalogueCache; sync: TotalsSync },
  online: OnlineState,
): void {
  catalogue.stop();
  sync.stop();
  online.stop();
}

/** The ways of decisions and of reports. */
type Paths = ReturnType<typeof createPaths>;

function createPaths(
  options: BanditServiceOptions,
  { online, known, events }: { online: Online; known: Known; events: EventPath },
) {
  const { clock, telemetry, logger } = options;
  const common = {
    ...known,
    ...online,
    online: online.state,
    outbox: events.outbox,
    clock,
    telemetry,
  };
  const ids = new GenerationIdFactory({ clock, entropy: options.entropy });
  const recent = new RecentDecisions(options.recentDecisionsMax, clock);
  const spool = options.spool && new Spool({ queue: options.spool, clock, telemetry });
  // The embedded store is never out of reach: what another configuration has left is applied, nothing is added.
  const spoolForNew = options.stateTimeoutMs === undefined ? undefined : spool;
  const decisions = new DecisionFinder({
    ...{ recent, online: online.state, eventLog: options.eventLog, clock, spool },
    checkStateLost: () => known.sync.checkStateLost(),
  });
  const booking = new ReportBooking({ ...common, decisions });
  const intake = new ReportIntake({ ...common, booking, spool: spoolForNew });
  const agentTypes = new ManageAgentTypes({ catalogue: options.catalogue, cache: known.catalogue });
  const select = new SelectVariant({
    ...{ ...common, ids, recent, logger },
    spool: spoolForNew,
    createAgentType: options.autoCreateAgentTypes
      ? (agentType, context) => agentTypes.createMissing(agentType, context)
      : undefined,
  });
  const spooled = { ...common, booking, recent, deadLetters: events.recordDeadLetters, logger };
  const drain = spool && new SpoolDrain({ ...spooled, spool });
  return { ids, agentTypes, decisions, intake, select, spooled, spoolForNew, drain };
}

/** Work on a timer or on command. */
type Background = ReturnType<typeof startBackground>;

function startBackground(
  options: BanditServiceOptions,
  { known, events }: { known: Known; events: EventPath },
) {
  const common = { ...options, ...known, drain: events.drain };
  const defaultRewards = new BookDefaultRewards({
    ...common,
    intervalMs: options.defaultRewardIntervalMs,
  });
  defaultRewards.start();
  const rebuild = new RebuildPosteriors({ ...common, onRestored: () => known.sync.compare() });
  return { defaultRewards, rebuild };
}

function createApi(
  options: BanditServiceOptions,
  parts: {
    online: Online;
    known: Known;
    events: EventPath;
    paths: Paths;
    background: Background;
  },
): BanditService {
  const { online, known, events, paths, background } = parts;
  const { timers } = online;
  const { drain } = events;
  const { ids, intake, select, decisions, spooled } = paths;
  const deadLetters = new ManageDeadLetters({
    ...options,
    applySpooled: (content) => applySpooled(spooled, decodeSpooled(content)),
    store: options.deadLetters,
    count: events.deadLetterCount,
  });
  const insight = { ...options, drain, decisions, timers };
  const reports = { ...options, intake, ids };
  const allocation = { ...known, clock: options.clock };
  return {
    decisions: {
      selectVariant: (request, context) => select.execute(request, context),
      recordGeneration: (report, context) => recordGeneration(reports, report, context),
      recordOutcome: (outcome, context) => recordOutcome(reports, outcome, context),
      getAllocation: async (request) => getAllocation(allocation, request),
    },
    catalog: createCatalogApi(options, known.catalogue, paths.agentTypes),
    insight: {
      explainGeneration: (generationId, context) =>
        explainGeneration(insight, generationId, context),
      query: (request, context) => queryEvents(insight, request, context),
      info: () => options.info,
    },
    deadLetters: {
      listDeadLetters: (request) => deadLetters.list(request),
      getDeadLetter: (id) => deadLetters.get(id),
      replayDeadLetters: (letterIds, context) => deadLetters.replay(letterIds, context),
      dropDeadLetters: (letterIds, context) => deadLetters.drop(letterIds, context),
    },
    repair: { rebuild: (request, context) => background.rebuild.execute(request, context) },
  };
}

function createCatalogApi(
  { catalogue }: BanditServiceOptions,
  cache: CatalogueCache,
  agentTypes: ManageAgentTypes,
): CatalogApi {
  const policies = new ManagePolicies({ catalogue, cache });
  const variants = new ManageVariants({ catalogue, cache });
  const mode = new ManageMode({ catalogue, cache });
  return {
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
  };
}
