import type { CatalogueSnapshots } from "../../ports/catalogue-snapshots.ts";
import type { PosteriorSnapshots } from "../../ports/posterior-snapshots.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { CatalogueCache } from "../catalogue/catalogue-cache.ts";
import type { AllocationTable } from "../posteriors/allocation-table.ts";
import { SnapshotKeeper } from "./snapshot-keeper.ts";

/** How soon a new revision of the catalogue is saved. */
const catalogueSnapshotIntervalMs = 500;
const posteriorSnapshotIntervalMs = 10_000;

interface SnapshotOptions {
  readonly cache: CatalogueCache;
  readonly allocations: AllocationTable;
  /** Absent: the catalogue is not saved. */
  readonly catalogueSnapshots: CatalogueSnapshots | undefined;
  /** Absent: posteriors are not saved. */
  readonly posteriorSnapshots: PosteriorSnapshots | undefined;
  /** False when posteriors come from their last snapshot, if there is one. */
  readonly posteriorsAreRead: boolean;
  readonly logger: Logger;
}

/** Begins to save catalogue and posteriors for a start without their engines. @returns what ends it */
export function keepSnapshots(options: SnapshotOptions): { stop(): Promise<void> } {
  const { cache, allocations, catalogueSnapshots, posteriorSnapshots } = options;
  const { posteriorsAreRead, logger } = options;
  const keepers = [
    catalogueSnapshots &&
      new SnapshotKeeper({
        what: "catalogue",
        version: () => cache.view,
        save: () => catalogueSnapshots.save(cache.view.snapshot),
        savedVersion: cache.savedAtMs === undefined ? undefined : cache.view,
        intervalMs: catalogueSnapshotIntervalMs,
        logger,
      }),
    posteriorSnapshots &&
      new SnapshotKeeper({
        what: "posteriors",
        version: () => allocations.changes,
        save: () => posteriorSnapshots.save(allocations.known()),
        // Totals that come from the snapshot are in it.
        savedVersion: posteriorsAreRead ? undefined : allocations.changes,
        intervalMs: posteriorSnapshotIntervalMs,
        logger,
      }),
  ].filter((keeper) => keeper !== undefined);
  for (const keeper of keepers) keeper.start();
  return {
    async stop() {
      await Promise.all(keepers.map((keeper) => keeper.stop()));
    },
  };
}

/** Puts posteriors in memory as they were saved last, for as long as the state store cannot be reached. */
export async function restorePosteriors(
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
  logger.warn("posteriors come from their last snapshot until the state store answers", {
    arms: saved.arms.length,
    savedAt: new Date(saved.savedAtMs).toISOString(),
  });
}
