import type { CatalogueSnapshot } from "./catalogue.ts";

/** The last catalogue that was read, kept on this machine so that a service can start while the catalogue is away. */
export interface CatalogueSnapshots {
  /**
   * Undefined when there is none that can be used; a damaged one, or one of another version of the program, is
   * named in the log. Never rejects.
   */
  find(): Promise<SavedCatalogue | undefined>;

  /** Replaces what was saved before, whole or not at all; durable on resolve. @throws BanditError when it cannot be written. */
  save(snapshot: CatalogueSnapshot): Promise<void>;
}

export interface SavedCatalogue {
  readonly snapshot: CatalogueSnapshot;
  /** Unix milliseconds. */
  readonly savedAtMs: number;
}
