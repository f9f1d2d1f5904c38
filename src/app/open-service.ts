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
import { createBanditService } from "../service/create-bandit-service.ts";
import type { ServiceOptions } from "./config.ts";
import { openDiskQueues } from "./disk-queues.ts";
import { type Engines, openEngines, usesDataDirectory } from "./engines.ts";
import { openGate } from "./open-gate.ts";
import { projectVersion } from "./project-root.ts";
import { Readiness } from "./readiness.ts";
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
   * (`stopBudget`). What was given up may keep the process alive. Idempotent.
   */
  stop(): Promise<void>;
}

/**
 * Opens the engines, brings their schemas up to date, fills an empty catalogue, and serves. An engine on a server
 * that is out of reach is waited for in the background: of the catalogue, a snapshot must be there then.
 * @throws BanditError when an engine cannot be opened, a port is taken, or the data directory is in use.
 */
export async function openService(options: ServiceOptions): Promise<RunningService> {
  const startedAtMs = systemClock.nowMs();
  const startedMs = systemClock.monotonicMs();
  const logger = pinoLogger(options.logLevel);
  const telemetry = new PrometheusTelemetry((metric) => {
    logger.error("a metric has too many label values; further ones count as `other`", { metric });
  });
  const release: (() => Promise<unknown> | unknown)[] = [];
  let released: Promise<void> | undefined;
  const releaseAll = (): Promise<void> => {
    released ??= runInReverse(release);
    return released;
  };
  try {
    makeDataDirectory(options.dataDir);
    if (usesDataDirectory(options)) release.push(lockDataDirectory(options.dataDir));
    const engines = await openEngines(options, { clock: systemClock, logger, telemetry });
    release.push(() => engines.close());
    const queues = await openDiskQueues(options, { logger });
    release.push(() =>
      atMost(stopBudget.queuesMs, () => queues.close(), { what: "spool and spill", logger }),
    );

    options.onProgress?.("reading catalogue and posteriors");
    // Embedded engines are on the disk where a snapshot of them would be.
    const files = { directory: options.dataDir, clock: systemClock, logger };
    const catalogueSnapshots =
      options.databaseUrl === undefined ? undefined : catalogueSnapshotFile(files);
    const posteriorSnapshots =
      options.redisUrl === undefined ? undefined : posteriorSnapshotFile(files);
    const start = await startCatalogue({
      engines,
      seed: options.seed ? seedWhenEmpty(engines.catalogue, options.onProgress) : undefined,
      dataDir: options.dataDir,
      snapshots: catalogueSnapshots,
      logger,
    });
    const running = await createBanditService({
      state: engines.state,
      catalogue: engines.catalogue,
      eventLog: engines.eventLog,
      deadLetters: engines.deadLetters,
      clock: systemClock,
      entropy: systemEntropy,
      telemetry,
      logger,
      userIds: userIdHasherOf(options, logger),
      info: {
        version: projectVersion,
        engines: engines.names,
        dataDirectory: options.dataDir,
        startedAtMs,
      },
      storeContent: options.storeContent,
      autoCreateAgentTypes: options.autoCreateAgentTypes,
      recentDecisionsMax,
      spill: queues.spill,
      outbox: { bytesMax: options.outboxBytesMax, whenFull: options.outboxFull },
      drainIntervalMs: options.drainIntervalMs,
      drainRowsMax: options.drainRowsMax,
      totalsSyncIntervalMs,
      eventRetentionDays: options.eventRetentionDays,
      defaultRewardIntervalMs,
      stateTimeoutMs: options.redisUrl === undefined ? undefined : options.stateTimeoutMs,
      spool: queues.spool,
      startCatalogue: start,
      catalogueSnapshots,
      posteriorSnapshots,
    });
    release.push(() =>
      atMost(stopBudget.backgroundMs, () => running.stop(), { what: "background work", logger }),
    );
    release.push(() => writeWhatWaits({ engines, drain: running.drain, logger }));
    if (start.savedAtMs !== undefined) {
      const catchUp = catchUpWithCatalogue({
        engines,
        // Nobody looks at the progress of the start any more.
        seed: options.seed ? seedWhenEmpty(engines.catalogue) : undefined,
        cache: running.catalogue,
        clock: systemClock,
        logger,
      });
      catchUp.start(start.problem);
      release.push(() => catchUp.stop());
    }

    options.onProgress?.("opening the ports");
    const readiness = new Readiness({
      engines,
      catalogue: running.catalogue,
      backlog: () => running.backlog(),
      stateLost: () => running.stateLost(),
      clock: systemClock,
    });
    const gate = openGate(options, {
      clock: systemClock,
      entropy: systemEntropy,
      telemetry,
      logger,
    });
    release.push(() => gate.stop());
    const clock = systemClock;
    const routes = buildRoutes({ service: running.service, telemetry, logger, clock, gate });
    const common = { routes, host: options.host, telemetry, logger, clock, gate };
    const http = await startHttpServer({
      ...common,
      port: options.httpPort,
      version: running.service.insight.info().version,
      readiness: () => readiness.report(),
      metrics: () => {
        telemetry.gauge("bandit_catalogue_fresh", readiness.catalogueIsFresh ? 1 : 0);
        telemetry.gauge("bandit_state_lost", running.stateLost() ? 1 : 0);
        return telemetry.page();
      },
    });
    release.push(() => http.stop(stopBudget.callsMs));
    const grpc = await startGrpcServer({ ...common, port: options.grpcPort });
    release.push(() => stopServers({ grpc, http, clock: systemClock, logger }));
    readiness.phase = "serving";
    telemetry.gauge("bandit_ready", 1);
    release.push(() => {
      readiness.phase = "stopping";
      grpc.setServing(false);
      http.announceStop();
      telemetry.gauge("bandit_ready", 0);
    });

    return {
      grpcAddress: `${hostInUrl(options.host)}:${grpc.port}`,
      httpUrl: `http://${hostInUrl(options.host)}:${http.port}`,
      dataDir: options.dataDir,
      engines: engines.names,
      startedInMs: systemClock.monotonicMs() - startedMs,
      stop: releaseAll,
    };
  } catch (error) {
    await releaseAll().catch((unreleased: unknown) => {
      logger.warn("a start that failed did not end cleanly", { error: unreleased });
    });
    throw error;
  }
}

/** Runs every step, the last one first; a failing one does not keep the others from releasing what they hold. */
async function runInReverse(steps: readonly (() => Promise<unknown> | unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of [...steps].reverse()) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, "the service did not stop cleanly");
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
