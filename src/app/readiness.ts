import { withTimeout } from "../concurrency/in-time.ts";
import { BanditError } from "../domain/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { DiskQueueSize } from "../ports/disk-queue.ts";
import type { CatalogueCache } from "../service/catalogue/catalogue-cache.ts";
import type { Backlog, WriteProblem } from "../service/events/backlog.ts";
import type { Engines } from "./engines.ts";

/** What `/readyz` answers. */
export interface ReadinessReport {
  /** Decisions can be served, and reports are kept. */
  readonly ready: boolean;
  /** Something is not as it should be; `checks` says what. */
  readonly degraded: boolean;
  /** `ok`, or a sentence, for each engine and whatever else was asked. */
  readonly checks: Readonly<Record<string, string>>;
}

export type Phase = "starting" | "serving" | "stopping";

export interface ReadinessOptions {
  readonly engines: Engines;
  readonly catalogue: CatalogueCache;
  readonly clock: Clock;
  /** Events and reports that wait for the engines. */
  backlog(): Backlog;
  /** The state store has lost everything. */
  stateLost(): boolean;
}

/** Events that have waited this long are worth mentioning, also when the event log answers. */
const lagNotableMs = 30_000;
/** No probe waits longer, whatever hangs. */
const checkTimeoutMs = 400;

/** Whether the service can serve, and the problems of its engines. */
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
    const { engines } = this.#options;
    const [stateDown, catalogueDown, eventsDown] = await Promise.all([
      this.#down("state", engines.state, engines.stateProblem()),
      this.#down("catalogue", engines.catalogue, undefined),
      this.#down("events", engines.eventLog, engines.eventLogProblem()),
    ]);
    const checks = {
      state: this.#state(stateDown),
      catalogue: this.#catalogue(catalogueDown),
      events: this.#events(eventsDown, stateDown !== undefined),
    };
    const degraded = Object.values(checks).some((check) => check !== "ok");
    // Without any one of the engines decisions go on, and reports wait on a disk: see docs/operating/health.md.
    return { ready: this.#phase === "serving", degraded, checks };
  }

  #state(down: string | undefined): string {
    const { spool } = this.#options.backlog();
    if (down !== undefined) {
      return `${down}: decisions from the last known allocations, ${reportsWithoutState(spool)}`;
    }
    if (this.#options.stateLost()) {
      return "emptied: the posteriors in memory stay in force; run `banditd rebuild`";
    }
    if (spool === undefined || spool.records === 0) return "ok";
    return `ok again, ${spoolText(spool)} of the spool are being applied`;
  }

  #catalogue(down: string | undefined): string {
    const { engines, catalogue } = this.#options;
    const { view, savedAtMs } = catalogue;
    const following = engines.catalogue.notFollowedSinceMs;
    if (down === undefined && this.catalogueIsFresh) return "ok";
    const { revision } = view.snapshot;
    const from =
      savedAtMs === undefined ? "" : ` of ${isoTime(savedAtMs)}, from the snapshot file,`;
    const what = down ?? (following === undefined ? "stale" : `stale since ${isoTime(following)}`);
    return `${what}: revision ${revision}${from} stays in force, changes are not possible`;
  }

  #events(down: string | undefined, stateIsDown: boolean): string {
    const { backlog, clock } = this.#options;
    const { outbox, outboxIsFull, writeProblem } = backlog();
    const ageMs = clock.nowMs() - (outbox.oldestAtMs ?? clock.nowMs());
    // Without the state store nothing new is known of the outbox, and nothing can be taken from it.
    const isSlow = ageMs >= lagNotableMs && !stateIsDown;
    const failing = writeProblem === undefined ? undefined : failingText(writeProblem);
    if (down === undefined && failing === undefined && !outboxIsFull && !isSlow) return "ok";
    const refused = outboxIsFull ? ", the outbox is full and reports are refused" : "";
    const asOf = stateIsDown ? " as far as is known without the state store" : "";
    return `${down ?? failing ?? "slow"}: ${waitingText(outbox.rows, ageMs)}${asOf}${refused}`;
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
function answerOf(engine: { ping(): Promise<void> }): Promise<string | undefined> {
  const answer = engine.ping().then(
    () => undefined,
    (error: unknown) => otherThanReach(error) ?? "unreachable",
  );
  return withTimeout(
    answer,
    checkTimeoutMs,
    () => `unreachable (no answer in ${checkTimeoutMs} ms)`,
  );
}

/** What an engine that is there says against being used. */
function otherThanReach(error: unknown): string | undefined {
  if (!(error instanceof BanditError)) return "failed (internal error)";
  return isOutOfReach(error) ? undefined : `not usable (${error.message})`;
}

/** Nothing is known but that it does not answer. An engine that gave an error of its own is there. */
function isOutOfReach({ code, metadata }: BanditError): boolean {
  return code === "unavailable" && metadata["engine_error"] === undefined;
}

/** An engine that answers and takes no events. */
function failingText({ sinceMs, error }: WriteProblem): string {
  const why = error instanceof BanditError ? error.message : "internal error";
  return `failing (${why}) since ${isoTime(sinceMs)}`;
}

function reportsWithoutState(spool: DiskQueueSize | undefined): string {
  if (spool === undefined) return "reports are refused";
  const isFull = spool.bytes >= spool.bytesMax;
  const fate = isFull ? "reports are refused, the spool is full" : "reports go to the spool";
  return `${fate} (${spoolText(spool)} of ${bytesText(spool.bytesMax)})`;
}

function spoolText({ records, bytes }: DiskQueueSize): string {
  return `${countText(records, "record")}, ${bytesText(bytes)}`;
}

function waitingText(rows: number, ageMs: number): string {
  if (rows === 0) return "no events wait";
  const wait = rows === 1 ? "waits" : "wait";
  return `${countText(rows, "event")} ${wait}, the oldest for ${Math.round(ageMs / 1000)} s`;
}

/** `1 event`, `1,234 events`. */
function countText(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}

function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const unit = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return `${Number((bytes / 1024 ** unit).toPrecision(3))} ${units[unit]}`;
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d+Z$/, "Z");
}
