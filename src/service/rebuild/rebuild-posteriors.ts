import { BanditError } from "../../domain/errors.ts";
import type { RebuildRequest, RebuildStep } from "../api/repair.ts";
import { type RebuildDependencies, RebuildRun } from "./rebuild-run.ts";

/** Recomputes every posterior from the event log and compares it with the live one, or puts it in its place. */
export class RebuildPosteriors {
  readonly #deps: RebuildDependencies;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(dependencies: RebuildDependencies) {
    this.#deps = dependencies;
  }

  /**
   * Ends with a summary. One at a time in each process; those of several processes do not harm each other. May
   * be ended at any point and begun again.
   * @throws BanditError failed_precondition (`REBUILD_RUNNING`; not for a check `DEAD_LETTERS_PENDING`, and
   * `EVENT_LOG_LACKS_GENERATIONS` unless forced); aborted (`REBUILD_CANCELLED`) when the caller has gone or the service stops; not_found for an agent type that nobody knows; unavailable.
   */
  async *execute(
    request: RebuildRequest,
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<RebuildStep, void, void> {
    if (this.#running !== undefined) {
      throw new BanditError("failed_precondition", "a rebuild is running in this process already", {
        reason: "REBUILD_RUNNING",
      });
    }
    const ended = Promise.withResolvers<void>();
    this.#running = ended.promise;
    try {
      const either = AbortSignal.any([signal, this.#stopping.signal]);
      yield* new RebuildRun(this.#deps, request, either).steps();
    } finally {
      this.#running = undefined;
      ended.resolve();
    }
  }

  /** Cancels the one that runs and waits for its end. None begins afterwards. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }
}
