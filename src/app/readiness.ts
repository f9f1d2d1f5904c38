import { BanditError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { CatalogueCache } from "../service/catalogue-cache.ts";
import type { Engines } from "./engines.ts";

/** What `/readyz` answers. */
export interface ReadinessReport {
  /** Decisions can be served, and what is reported is kept. */
  readonly ready: boolean;
  /** Something is not as it should be; `checks` says what. */
  readonly degraded: boolean;
  /** `ok`, or a sentence, for each engine and whatever else was asked. */
  readonly checks: Readonly<Record<string, string>>;
}

export type Phase = "starting" | "serving" | "stopping";

/** Says what becomes of what an engine cannot take now, e.g. `12 records wait`; undefined when there is nothing to say. */
export type Consequence = () => Promise<string | undefined> | string | undefined;

export interface ReadinessOptions {
  readonly engines: Engines;
  readonly catalogue: CatalogueCache;
  readonly clock: Clock;
  /** What follows from the state store's being away. */
  readonly withoutState?: Consequence;
  /** What waits for the event log. */
  readonly withoutEventLog?: Consequence;
  /** Further checks by name; `ok`, or a sentence that makes the service degraded. */
  readonly further?: Readonly<Record<string, Consequence>>;
}

/** No probe waits longer, whatever hangs. */
const checkTimeoutMs = 400;

/** Whether the service can serve, and what is the matter with its engines. */
export class Readiness {
  readonly #options: ReadinessOptions;
  #phase: Phase = "starting";
  readonly #downSinceMs = new Map<string, number>();
  #asking: Promise<ReadinessReport> | undefined;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  set phase(phase: Phase) {
    this.#phase = phase;
  }

  /** False while changes of the catalogue cannot be followed. */
  get catalogueIsFresh(): boolean {
    const { engines, catalogue } = this.#options;
    return !catalogue.stale && engines.catalogue.notFollowedSinceMs === undefined;
  }

  /** Answers within half a second. Probes that come at once share one answer. Never rejects. */
  report(): Promise<ReadinessReport> {
    if (this.#phase !== "serving") {
      return Promise.resolve({
        ready: false,
        degraded: false,
        checks: { service: this.#phase },
      });
    }
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(): Promise<ReadinessReport> {
    const { further = {} } = this.#options;
    const names = Object.keys(further);
    const [state, catalogue, events, ...others] = await Promise.all([
      this.#state(),
      this.#catalogue(),
      this.#events(),
      ...names.map((name) => told(further[name] as Consequence)),
    ]);
    const checks = {
      state: state as string,
      catalogue: catalogue as string,
      events: events as string,
      ...Object.fromEntries(names.map((name, at) => [name, others[at] ?? "ok"])),
    };
    const degraded = Object.values(checks).some((check) => check !== "ok");
    // Without any one of the engines decisions go on, and reports wait on a disk: see docs/operating/health.md.
    return { ready: this.#phase === "serving", degraded, checks };
  }

  async #state(): Promise<string> {
    const { engines, withoutState } = this.#options;
    const down = await this.#down("state", engines.state, engines.stateProblem());
    if (down === undefined) return "ok";
    const consequence = await told(withoutState);
    return `${down}: decisions from the last known allocations${consequence === undefined ? "" : `, ${consequence}`}`;
  }

  async #catalogue(): Promise<string> {
    const { engines, catalogue } = this.#options;
    const { view, savedAtMs } = catalogue;
    const down = await this.#down("catalogue", engines.catalogue, undefined);
    const following = engines.catalogue.notFollowedSinceMs;
    if (down === undefined && this.catalogueIsFresh) return "ok";
    const { revision } = view.snapshot;
    const from =
      savedAtMs === undefined ? "" : ` of ${isoTime(savedAtMs)}, from the snapshot file,`;
    const what = down ?? (following === undefined ? "stale" : `stale since ${isoTime(following)}`);
    return `${what}: revision ${revision}${from} stays in force, changes are not possible`;
  }

  async #events(): Promise<string> {
    const { engines, withoutEventLog } = this.#options;
    const down = await this.#down("events", engines.eventLog, engines.eventLogProblem());
    if (down === undefined) return "ok";
    const consequence = await told(withoutEventLog);
    return `${down}: ${consequence ?? "events wait in the outbox"}`;
  }

  /** Undefined when an engine answers and has no other problem; else what and since when. */
  async #down(
    name: string,
    engine: { ping(): Promise<void> },
    problem: { sinceMs: number; error: unknown } | undefined,
  ): Promise<string | undefined> {
    const unanswered = await answerOf(engine);
    if (unanswered === undefined && problem === undefined) {
      this.#downSinceMs.delete(name);
      return undefined;
    }
    const sinceMs = problem?.sinceMs ?? this.#downSinceMs.get(name) ?? this.#options.clock.nowMs();
    this.#downSinceMs.set(name, sinceMs);
    // An engine that answers, or has said no, is not out of reach.
    const other = problem === undefined ? undefined : otherThanReach(problem.error);
    const what = other ?? unanswered ?? "being prepared";
    return `${what} since ${isoTime(sinceMs)}`;
  }
}

/** Undefined when it answers. Never waits longer than a probe does. */
async function answerOf(engine: { ping(): Promise<void> }): Promise<string | undefined> {
  return inTime(
    engine.ping().then(
      () => undefined,
      (error: unknown) => otherThanReach(error) ?? "unreachable",
    ),
    `unreachable (no answer in ${checkTimeoutMs} ms)`,
  );
}

/** What an engine that is there says against being used. */
function otherThanReach(error: unknown): string | undefined {
  if (!(error instanceof BanditError)) return "failed (internal error)";
  return error.code === "unavailable" ? undefined : `not usable (${error.message})`;
}

async function told(consequence: Consequence | undefined): Promise<string | undefined> {
  if (consequence === undefined) return undefined;
  const text = Promise.resolve()
    .then(consequence)
    .catch(() => undefined); // a number that cannot be had is left out of the sentence
  return inTime(text, undefined, 50);
}

async function inTime<Result>(
  work: Promise<Result>,
  otherwise: Result,
  timeoutMs = checkTimeoutMs,
): Promise<Result> {
  const { promise: late, resolve } = Promise.withResolvers<Result>();
  const timer = setTimeout(() => resolve(otherwise), timeoutMs);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d+Z$/, "Z");
}
