import type { Logger } from "../../ports/telemetry.ts";

/** Tells listeners that the catalogue has changed, by the revision that every write advances. */
export class RevisionSource {
  readonly #listeners = new Set<() => void>();
  readonly #logger: Logger;
  /** Undefined until somebody has read the catalogue: before that there is nothing that could be out of date. */
  #seen: number | undefined;
  /** By the last load, of any caller. */
  #loaded: number | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * What was loaded first is the start. Later loads do not count as seen: one caller's load must not
   * keep the news from another.
   */
  loaded(revision: number): void {
    this.#loaded = revision;
    this.#seen ??= revision;
  }

  /** This process made `revision`: its listeners are told at once. */
  wrote(revision: number): void {
    this.#advance(revision);
  }

  subscribe(listener: () => void): () => void {
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  /** No listener is called any more. Idempotent. */
  stop(): void {
    this.#listeners.clear();
  }

  /** Since when revisions made by others cannot be seen, Unix milliseconds; undefined while they can be. */
  get blindSinceMs(): number | undefined {
    return undefined;
  }

  protected get hasListeners(): boolean {
    return this.#listeners.size > 0;
  }

  /**
   * Any other revision is news, an older one too: a backup may have been restored. It is told again
   * until a load has given it, because the first load after it may fail.
   */
  protected observed(revision: number): void {
    if (this.#seen === undefined) this.#seen = revision;
    const isLoaded = this.#loaded === undefined || this.#loaded === revision;
    if (revision !== this.#seen || !isLoaded) this.#notify(revision);
  }

  #advance(revision: number): void {
    if (this.#seen === undefined || revision > this.#seen) this.#notify(revision);
  }

  #notify(revision: number): void {
    this.#seen = revision;
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        // One listener's fault must not keep the change from the others.
        this.#logger.error("a listener to catalogue changes failed", { error: String(error) });
      }
    }
  }
}
