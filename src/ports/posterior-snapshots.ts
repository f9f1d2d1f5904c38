import type { ArmTotals } from "./state-store.ts";

/** What was last known of every arm, kept on this machine so that a service that starts without its state store knows more than priors. */
export interface PosteriorSnapshots {
  /** As `CatalogueSnapshots.find`. */
  find(): Promise<SavedPosteriors | undefined>;

  /**
   * Replaces what was saved before, whole or not at all; durable on resolve. Others have their turn while it is written.
   * @throws BanditError resource_exhausted (`SNAPSHOT_TOO_LARGE`) beyond 64 MiB, or when it cannot be written.
   */
  save(arms: Iterable<ArmTotals>): Promise<void>;
}

export interface SavedPosteriors {
  readonly arms: readonly ArmTotals[];
  /** Unix milliseconds. */
  readonly savedAtMs: number;
}
