import { KeepTrying } from "../concurrency/keep-trying.ts";
import { BanditError } from "../domain/errors.ts";
import type { CatalogueSnapshot } from "../ports/catalogue.ts";
import type { CatalogueSnapshots, SavedCatalogue } from "../ports/catalogue-snapshots.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { CatalogueCache } from "../service/catalogue/catalogue-cache.ts";
import { engineRetryMs } from "./engine-retry.ts";
import type { Engines } from "./engines.ts";

/** The catalogue that a service starts with. */
export interface StartCatalogue {
  readonly snapshot: CatalogueSnapshot;
  /** When it comes from the snapshot file: when that was saved. */
  readonly savedAtMs: number | undefined;
  /** … and why the catalogue itself could not be read. */
  readonly problem: BanditError | undefined;
}

interface StartOptions {
  readonly engines: Engines;
  /** Fills an empty catalogue. Undefined: it stays empty. */
  readonly seed: (() => Promise<void>) | undefined;
  readonly dataDir: string;
  /** Undefined: the catalogue is on the same disk as its snapshot would be. */
  readonly snapshots: CatalogueSnapshots | undefined;
  readonly logger: Logger;
}

/**
 * Reads the catalogue, filled when it was empty; where it is out of reach, its last snapshot.
 * @throws BanditError unavailable (`CATALOGUE_NOT_AVAILABLE_AT_START`) when there is neither
 */
export async function startCatalogue(start: StartOptions): Promise<StartCatalogue> {
  const { engines, seed, dataDir, snapshots, logger } = start;
  try {
    if (engines.catalogueProblem !== undefined) throw engines.catalogueProblem;
    await seed?.();
    const snapshot = await engines.catalogue.load();
    return { snapshot, savedAtMs: undefined, problem: undefined };
  } catch (error) {
    const isAway = error instanceof BanditError && error.code === "unavailable";
    if (!isAway || snapshots === undefined) throw error;
    const saved = await snapshots.find();
    if (saved === undefined) throw nothingToStartWith(dataDir, error);
    logStartFrom(saved, error, logger);
    return { ...saved, problem: error };
  }
}

/** Brings a catalogue up to date that could not be reached at the start, then follows it. */
export function catchUpWithCatalogue(options: {
  engines: Engines;
  seed: (() => Promise<void>) | undefined;
  cache: CatalogueCache;
  clock: Clock;
  logger: Logger;
}): KeepTrying {
  const { engines, seed, cache, clock, logger } = options;
  return new KeepTrying({
    what: "reading the catalogue",
    async work() {
      await engines.migrateCatalogue();
      await seed?.();
      await cache.refresh();
    },
    pauseMs: engineRetryMs,
    clock,
    logger,
  });
}

function logStartFrom(
  { snapshot, savedAtMs }: SavedCatalogue,
  error: BanditError,
  logger: Logger,
): void {
  logger.warn("the catalogue cannot be reached; the service starts from its last snapshot", {
    revision: snapshot.revision,
    savedAt: new Date(savedAtMs).toISOString(),
    error,
  });
}

function nothingToStartWith(dataDir: string, cause: BanditError): BanditError {
  return new BanditError(
    "unavailable",
    "the catalogue cannot be reached, and there is no snapshot of it to start from " +
      `(catalogue-snapshot.json in ${dataDir}): start the Postgres server that DATABASE_URL names, or correct the URL`,
    { reason: "CATALOGUE_NOT_AVAILABLE_AT_START", cause },
  );
}
