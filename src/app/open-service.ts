import { catalogueSnapshotFile } from "../adapters/system/catalogue-snapshot-file.ts";
import { lockDataDirectory } from "../adapters/system/data-directory-lock.ts";
import { clearUserIds, hmacUserIdHasher } from "../adapters/system/hmac-user-id-hasher.ts";
import { makeDataDirectory } from "../adapters/system/make-data-directory.ts";
import { pinoLogger } from "../adapters/system/pino-logger.ts";
import { posteriorSnapshotFile } from "../adapters/system/posterior-snapshot-file.ts";
import { PrometheusTelemetry } from "../adapters/system/prometheus-telemetry.ts";
import { systemClock } from "../adapters/system/system-clock.ts";
import { systemEntropy } from "../adapters/system/system-entropy.ts";
import { userHashKeyOf } from "../adapters/system/user-hash-key.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { UserIdHasher } from "../ports/user-id-hasher.ts";
import { startGrpcServer } from "../rpc/grpc/grpc-server.ts";
import { startHttpServer } from "../rpc/http/http-server.ts";
import { buildRoutes } from "../rpc/routes.ts";
import {
  createBanditService,
  type RunningBanditService,
} from "../service/create-bandit-service.ts";
import type { ServiceOptions } from "./config.ts";
import { openDiskQueues } from "./disk-queues.ts";
import { type Engines, openEngines, usesDataDirectory } from "./engines.ts";
import { openGate } from "./open-gate.ts";
import { projectVersion } from "./project-root.ts";
import { Readiness } from "./readiness.ts";
import { Releases } from "./releases.ts";
import { seedWhenEmpty } from "./seed-catalogue.ts";
import { catchUpWithCatalogue, startCatalogue } from "./start-catalogue.ts";
import { atMost, stopBudget } from "./stop-budget.ts";
import { stopServers, writeWhatWaits } from "./stop-service.ts";

/** Decisions kept in memory so that reporting on a recent one costs no read; about 500 bytes each. */
const recentDecisionsMax = 4_000;
/** How often the posteriors in memory are compared with those in the state store. */
const totalsSyncIntervalMs = 10_000;
const defaultRewardIntervalMs = 10_000;

/** A service that answers on its ports. */
export interface RunningService {
  /** `host:port` of gRPC. */
  readonly grpcAddress: string;
  /** Base URL of Connect, JSON, metrics and health. */
  readonly httpUrl: string;
  readonly dataDir: string;
  readonly engines: Engines["names"];
  readonly startedInMs: number;
  /**
   * Lets calls under way finish, writes what can be written, releases everything, within 10 s whatever hangs
   * (`stopBudget`). Parts that hang may keep the process alive. Idempotent.
   */
  stop(): Promise<void>;
}

/**
 * Opens the engines, brings their schemas up to date, fills an empty catalogue, and serves. An engine on a server
 * that is out of reach is waited for in the background: of the catalogue, a snapshot must be there then.
 * @throws BanditError when an engine cannot be opened, a port is taken, or the data directory is in use.
 */
export async function openService(options: ServiceOptions): Promise<RunningService> {
  const startedMs = systemClock.monotonicMs();
  const base = openBase(options);
  const { releases } = base;
  try {
    const stores = await openStores(options, base);
    const running = await startUseCases(options, base, stores);
    const { grpc, http } = await openPorts(options, base, { ...stores, running });
    return {
      grpcAddress: `${hostInUrl(options.host)}:${grpc.port}`,
      httpUrl: `http://${hostInUrl(options.host)}:${http.port}`,
      dataDir: options.dataDir,
      engines: stores.engines.names,
      startedInMs: systemClock.monotonicMs() - startedMs,
      stop: () => releases.run(),
    };
  } catch (error) {
    await releases.run();
    throw error;
  }
}

/** What every stage of the start needs. */
type Base = ReturnType<typeof openBase>;

function openBase(options: ServiceOptions) {
  const logger = pinoLogger(options.logLevel);
  const telemetry = new PrometheusTelemetry((metric) => {
    logger.error("a metric has too many label values; further ones count as `other`", { metric });
  });
  const startedAtMs = systemClock.nowMs();
  const releases = new Releases();
  return { clock: systemClock, entropy: systemEntropy, logger, telemetry, startedAtMs, releases };
}

/** The engines, the queues on this machine's disk, and where the last state of the engines is kept. */
type Stores = Awaited<ReturnType<typeof openStores>>;

async function openStores(options: ServiceOptions, base: Base) {
  const { clock, logger, releases } = base;
  const { dataDir, databaseUrl, redisUrl } = options;
  makeDataDirectory(dataDir);
  if (usesDataDirectory(options)) releases.add(lockDataDirectory(dataDir));
  const engines = await openEngines(options, base);
  releases.add(() => engines.close());
  const queues = await openDiskQueues(options, { logger });
  releases.add(() =>
    atMost(stopBudget.queuesMs, () => queues.close(), { what: "spool and spill", logger }),
  );
  // Embedded engines are on the disk where a snapshot of them would be.
  const files = { directory: dataDir, clock, logger };
  return {
    engines,
    queues,
    catalogueSnapshots: databaseUrl === undefined ? undefined : catalogueSnapshotFile(files),
    posteriorSnapshots: redisUrl === undefined ? undefined : posteriorSnapshotFile(files),
  };
}

async function startUseCases(
  options: ServiceOptions,
  base: Base,
  { engines, queues, catalogueSnapshots, posteriorSnapshots }: Stores,
): Promise<RunningBanditService> {
  const { clock, logger, releases } = base;
  const { dataDir, onProgress } = options;
  onProgress?.("reading catalogue and posteriors");
  const seed = options.seed ? seedWhenEmpty(engines.catalogue, onProgress) : undefined;
  const start = await startCatalogue({
    ...{ engines, seed, dataDir, snapshots: catalogueSnapshots, logger },
  });
  const running = await createBanditService({
    ...base,
    ...options,
    ...engines,
    ...{ catalogueSnapshots, posteriorSnapshots },
    userIds: userIdHasherOf(options, logger),
    info: {
      version: projectVersion,
      engines: engines.names,
      dataDirectory: dataDir,
      startedAtMs: base.startedAtMs,
    },
    recentDecisionsMax,
    totalsSyncIntervalMs,
    defaultRewardIntervalMs,
    spill: queues.spill,
    spool: queues.spool,
    outbox: { bytesMax: options.outboxBytesMax, whenFull: options.outboxFull },
    stateTimeoutMs: options.redisUrl === undefined ? undefined : options.stateTimeoutMs,
    startCatalogue: start,
  });
  releases.add(() =>
    atMost(stopBudget.backgroundMs, () => running.stop(), { what: "background work", logger }),
  );
  releases.add(() => writeWhatWaits({ engines, drain: running.drain, logger }));
  if (start.savedAtMs !== undefined) {
    const catchUp = catchUpWithCatalogue({
      ...{ engines, cache: running.catalogue, clock, logger },
      // Nobody looks at the progress of the start any more.
      seed: options.seed ? seedWhenEmpty(engines.catalogue) : undefined,
    });
    catchUp.start(start.problem);
    releases.add(() => catchUp.stop());
  }
  return running;
}

async function openPorts(
  options: ServiceOptions,
  base: Base,
  { engines, running }: { engines: Engines; running: RunningBanditService },
) {
  const { clock, telemetry, logger, releases } = base;
  options.onProgress?.("opening the ports");
  const readiness = new Readiness({
    ...{ engines, catalogue: running.catalogue, clock },
    backlog: () => running.backlog(),
    stateLost: () => running.stateLost(),
  });
  const gate = openGate(options, base);
  releases.add(() => gate.stop());
  const { service } = running;
  const common = {
    ...base,
    host: options.host,
    gate,
    routes: buildRoutes({ ...base, service, gate }),
  };
  const http = await startHttpServer({
    ...common,
    port: options.httpPort,
    version: projectVersion,
    readiness: () => readiness.report(),
    metrics: () => {
      telemetry.gauge("bandit_catalogue_fresh", readiness.catalogueIsFresh ? 1 : 0);
      telemetry.gauge("bandit_state_lost", running.stateLost() ? 1 : 0);
      return telemetry.page();
    },
  });
  releases.add(() => http.stop(stopBudget.callsMs));
  const grpc = await startGrpcServer({ ...common, port: options.grpcPort });
  releases.add(() => stopServers({ grpc, http, clock, logger }));
  readiness.phase = "serving";
  telemetry.gauge("bandit_ready", 1);
  releases.add(() => {
    readiness.phase = "stopping";
    grpc.setServing(false);
    http.announceStop();
    telemetry.gauge("bandit_ready", 0);
  });
  return { grpc, http };
}

function userIdHasherOf(options: ServiceOptions, logger: Logger): UserIdHasher {
  if (options.storeUserIds) return clearUserIds;
  if (options.userHashKey !== undefined) return hmacUserIdHasher(options.userHashKey);
  if (!usesDataDirectory(options)) {
    logger.warn("BANDIT_USER_HASH_KEY is not set: other replicas will hash user ids differently");
  }
  return hmacUserIdHasher(userHashKeyOf(options.dataDir));
}

/** An address to listen on → one to connect to. */
function hostInUrl(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}
