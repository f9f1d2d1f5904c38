import { setTimeout as sleep } from "node:timers/promises";
import type { AgentType, VariantId } from "../../domain/ids.ts";
import type { Variant } from "../../domain/variant.ts";
import type { Catalogue, CatalogueSnapshot } from "../../ports/catalogue.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { type AgentTypeEntry, CatalogueView } from "./catalogue-view.ts";

/** Reads because of a name that is not in memory begin this far apart, so that unknown names cost little. */
const refreshOnMissIntervalMs = 200;

/**
 * The catalogue in memory, so that deciding reads no database. Follows changes made by any process.
 * While the catalogue cannot be reached, the last view stays in force.
 */
export class CatalogueCache {
  readonly #catalogue: Catalogue;
  readonly #logger: Logger;
  readonly #listeners = new Set<(view: CatalogueView) => void>();
  readonly #stopListening: () => void;
  #view: CatalogueView;
  #running: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;
  #stale = false;
  #savedAtMs: number | undefined;
  #refreshingOnMiss: Promise<void> | undefined;
  #missPause: Promise<void> = Promise.resolve();

  static async load(catalogue: Catalogue, logger: Logger): Promise<CatalogueCache> {
    return new CatalogueCache(catalogue, logger, new CatalogueView(await catalogue.load()));
  }

  /** Begins with a snapshot that was saved at that time; stale until the catalogue itself has been read. */
  static fromSnapshot(
    catalogue: Catalogue,
    logger: Logger,
    { snapshot, savedAtMs }: { snapshot: CatalogueSnapshot; savedAtMs: number | undefined },
  ): CatalogueCache {
    const cache = new CatalogueCache(catalogue, logger, new CatalogueView(snapshot));
    cache.#savedAtMs = savedAtMs;
    cache.#stale = savedAtMs !== undefined;
    return cache;
  }

  private constructor(catalogue: Catalogue, logger: Logger, view: CatalogueView) {
    this.#catalogue = catalogue;
    this.#logger = logger;
    this.#view = view;
    this.#stopListening = catalogue.onChange(() => {
      this.refresh().catch((error: unknown) => {
        this.#logger.warn("the catalogue could not be read; the last one stays in force", {
          error,
        });
      });
    });
  }

  get view(): CatalogueView {
    return this.#view;
  }

  /** True while the last attempt to follow a change has failed, or the catalogue was never read. */
  get stale(): boolean {
    return this.#stale;
  }

  /** When the view in force was saved, if it comes from a snapshot; undefined once the catalogue was read. */
  get savedAtMs(): number | undefined {
    return this.#savedAtMs;
  }

  onChange(listener: (view: CatalogueView) => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Resolves when a view read after this call is in force. Calls made while a read is under way share
   * the next one, because that read may have begun before the change they are about.
   * @throws BanditError unavailable
   */
  refresh(): Promise<void> {
    if (this.#queued !== undefined) return this.#queued;
    const next = this.#running.then(() => {
      this.#queued = undefined;
      return this.#load();
    });
    this.#queued = next;
    // The caller sees the failure; the chain only waits for the end.
    this.#running = next.then(
      () => {
        this.#stale = false;
      },
      () => {
        this.#stale = true;
      },
    );
    return next;
  }

  /**
   * Looks into the catalogue before it says that there is no such agent type: another replica may have
   * created it a moment ago. @throws BanditError not_found; unavailable when that cannot be known.
   */
  async getAgentType(agentType: AgentType): Promise<AgentTypeEntry> {
    if (this.#view.findAgentType(agentType) === undefined) await this.refreshOnMiss();
    return this.#view.getAgentType(agentType);
  }

  /** As {@link getAgentType}, for a variant. */
  async getVariant(variantId: VariantId): Promise<Variant> {
    if (this.#view.findVariant(variantId) === undefined) await this.refreshOnMiss();
    return this.#view.getVariant(variantId);
  }

  /**
   * Resolves when a view read after this call is in force, like {@link refresh}; but such reads begin at
   * least 200 ms apart, and all calls that wait for one share it. @throws BanditError unavailable
   */
  refreshOnMiss(): Promise<void> {
    this.#refreshingOnMiss ??= this.#missPause.then(() => {
      this.#refreshingOnMiss = undefined;
      this.#missPause = sleep(refreshOnMissIntervalMs, undefined, { ref: false });
      return this.refresh();
    });
    return this.#refreshingOnMiss;
  }

  stop(): void {
    this.#stopListening();
  }

  async #load(): Promise<void> {
    const snapshot = await this.#catalogue.load();
    const isFirstReading = this.#savedAtMs !== undefined;
    this.#savedAtMs = undefined;
    // A lower revision is news too: the catalogue was restored from a backup.
    if (snapshot.revision === this.#view.snapshot.revision && !isFirstReading) return;
    this.#view = new CatalogueView(snapshot);
    for (const listener of this.#listeners) listener(this.#view);
  }
}
