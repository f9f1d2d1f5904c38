import { BanditError } from "../../src/domain/errors.ts";
import { formatGenerationId, layOutGenerationId } from "../../src/domain/generation-id.ts";
import { type GenerationId, parseOutcomeId } from "../../src/domain/ids.ts";
import { SeededGenerator } from "../../src/numerics/random-generator.ts";
import type { DiskQueue } from "../../src/ports/disk-queue.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { StateStore } from "../../src/ports/state-store.ts";
import type { CallContext } from "../../src/service/api/call-context.ts";
import {
  around,
  type FaultShares,
  faultyEventLog,
  faultyStateStore,
  mortal,
  seededFaults,
} from "../support/faulty.ts";
import { ciPolicy, LearningAgent } from "../support/learning-agent.ts";
import { findFaults } from "../support/outage-ledger.ts";
import { openSite, type Replica, type Site } from "../support/site.ts";
import { StandingTime } from "./standing-time.ts";

const agentType = "simulated" as never;
const generationsMax = 10;
const outcomeIds = ["a", "b", "c"];
const turns = 30;

/** A port that does what it should not, between the faults and the engine. */
export interface Broken {
  readonly eventLog?: (eventLog: EventLog) => EventLog;
  readonly state?: (state: StateStore) => StateStore;
}

export interface Run {
  /** Where an invariant did not hold, in words. */
  readonly faults: readonly string[];
  /** Every step with its result and its time. */
  readonly trace: readonly string[];
}

/**
 * Runs the service through `turns` of calls in any order, repeated calls, outages of state store, event log and
 * catalogue, restarts, kills and jumps of the wall clock, all as the seed says, and looks at the end whether
 * acknowledged events are there once (I1), posteriors are the fold of the outcomes (I2), the newest outcome counts once
 * in whatever order they came (I4), and decisions were answered in time (I5).
 */
export async function simulate(seed: number, broken: Broken = {}): Promise<Run> {
  const time = new StandingTime();
  const wall = { startMs: Date.UTC(2026, 0, 1), skewMs: 0 };
  const clock = {
    nowMs: () => wall.startMs + wall.skewMs + time.passedMs,
    monotonicMs: () => time.passedMs,
  };
  const site = await openSite("embedded", { clock });
  try {
    const engines = await site.openEngines();
    const simulation = new Simulation({ seed, site, engines, time, wall, broken });
    time.stop();
    return await simulation.run();
  } finally {
    time.release();
    await site.remove();
  }
}

interface Parts {
  readonly seed: number;
  readonly site: Site;
  readonly engines: Replica["engines"];
  readonly time: StandingTime;
  readonly wall: { readonly startMs: number; skewMs: number };
  readonly broken: Broken;
}

class Simulation {
  readonly #parts: Parts;
  readonly #random: SeededGenerator;
  readonly #queue: DiskQueue;
  readonly #trace: string[] = [];
  readonly #faults: string[] = [];
  readonly #generations: GenerationId[] = [];
  /** Reported on before they were decided; a report waits a minute for its decision. */
  readonly #undecided = new Set<GenerationId>();
  readonly #acknowledged = {
    decisions: new Set<string>(),
    generations: new Set<string>(),
    outcomes: new Set<string>(),
  };
  #weather: { state: FaultShares; events: FaultShares; catalogueIsAway: boolean } = {
    state: {},
    events: {},
    catalogueIsAway: false,
  };
  #life = { isOver: false };
  #replica: Replica | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#random = SeededGenerator.fromSeed(parts.seed);
    this.#queue = parts.time.hold(parts.site.openQueue());
  }

  async run(): Promise<Run> {
    const { time, engines } = this.#parts;
    await this.#start();
    const agent = { name: agentType, policy: ciPolicy, service: this.#service };
    await time.until(new LearningAgent(agent).create(["one", "two"]));
    for (let turn = 0; turn < turns; turn += 1) await this.#turn();
    this.#weather = { state: {}, events: {}, catalogueIsAway: false };
    await time.until(Promise.all([...this.#undecided].map((id) => this.#decide(id))));
    do await time.pass(1_000);
    while (this.#queue.size.records > 0);
    await time.until((this.#replica as Replica).running.drain.flush());
    const faults = await time.until(
      findFaults({
        codeType: "c",
        eventLog: time.hold(engines.eventLog),
        state: engines.state,
        ...this.#acknowledged,
      }),
    );
    await time.until((this.#replica as Replica).close());
    return { faults: [...this.#faults, ...faults], trace: this.#trace };
  }

  async #start(): Promise<void> {
    const { time, engines, site, seed, broken } = this.#parts;
    const life = { isOver: false };
    this.#life = life;
    const eventLog = time.hold(engines.eventLog);
    const state = time.hold(engines.state);
    const changes = {
      state: mortal(
        life,
        faultyStateStore(
          broken.state?.(state) ?? state,
          seededFaults(seed + 1, () => this.#weather.state),
        ),
      ),
      eventLog: mortal(
        life,
        faultyEventLog(
          broken.eventLog?.(eventLog) ?? eventLog,
          seededFaults(seed + 2, () => this.#weather.events),
        ),
      ),
      catalogue: mortal(
        life,
        fallible(time.hold(engines.catalogue), () => this.#weather.catalogueIsAway),
      ),
      deadLetters: mortal(life, time.hold(engines.deadLetters)),
      spool: mortal(life, this.#queue),
      entropy: { fill: (target: Uint8Array) => this.#fill(target) },
      stateTimeoutMs: 250,
      drainIntervalMs: 100,
    };
    this.#weather.catalogueIsAway = false; // without it no service starts
    this.#replica = await time.until(site.open({ engines, changes: () => changes }));
  }

  async #turn(): Promise<void> {
    const { time, wall } = this.#parts;
    if (this.#chance(0.4)) this.#changeWeather();
    if (this.#chance(0.1)) {
      wall.skewMs += Math.round((this.#random.next() - 0.5) * 120_000);
      this.#note(`the wall clock jumps to ${wall.skewMs}`);
    }
    const calls = [...this.#undecided].map((id) => this.#decide(id));
    for (let left = this.#upTo(6); left > 0; left -= 1) calls.push(this.#call());
    if (this.#chance(0.15)) {
      await time.pass(this.#upTo(20));
      await this.#kill();
    } else {
      await time.until(Promise.all(calls));
      if (this.#chance(0.1)) await this.#restart();
    }
    await time.pass(this.#upTo(2_000));
  }

  #changeWeather(): void {
    const share = () => (this.#chance(0.5) ? 0 : this.#chance(0.3) ? 1 : this.#random.next() / 2);
    this.#weather = {
      state: {
        ...{ refused: share(), lost: share(), silent: share(), late: share() },
        ...{ lateMsMax: 600, silentMs: 1_000 },
      },
      events: { refused: share(), lost: share(), late: share(), lateMsMax: 3_000 },
      catalogueIsAway: this.#chance(0.3),
    };
    this.#note(`the weather is ${JSON.stringify(this.#weather)}`);
  }

  async #kill(): Promise<void> {
    this.#life.isOver = true;
    this.#replica?.abandon();
    this.#note("killed");
    await this.#start();
  }

  async #restart(): Promise<void> {
    await this.#parts.time.until((this.#replica as Replica).close());
    this.#note("restarted");
    await this.#start();
  }

  #call(): Promise<void> {
    const decided = this.#generations.length;
    if (this.#chance(0.05)) {
      const early = this.#newGenerationId();
      this.#undecided.add(early);
      return this.#report(early, 0);
    }
    if (decided === 0 || (decided < generationsMax && this.#chance(0.3))) return this.#decide();
    const generationId = this.#generations[this.#upTo(decided - 1)] as GenerationId;
    if (this.#chance(0.2)) return this.#decide(generationId);
    if (this.#chance(0.2)) return this.#ran(generationId);
    return this.#report(generationId, this.#upTo(outcomeIds.length - 1));
  }

  async #decide(given?: GenerationId): Promise<void> {
    const { time } = this.#parts;
    const generationId = given ?? this.#newGenerationId();
    const allowedMs = 50 + 50 * this.#upTo(20);
    const lateAtMs = time.passedMs + allowedMs;
    const request = {
      ...{ agentType, codeType: "c" as never, agentId: "", conversationId: "", features: {} },
      allowedVariantIds: [],
      generationId,
    };
    const fate = await this.#attempt(`decide ${generationId}`, allowedMs, (context) =>
      this.#service.decisions.selectVariant(request, context),
    );
    if (fate === "killed") return;
    if (time.passedMs > lateAtMs) this.#faults.push(`${generationId} was decided too late (I5)`);
    if (fate !== "done") {
      this.#faults.push(`${generationId} was not decided: ${fate} (I5)`);
      return;
    }
    this.#acknowledged.decisions.add(generationId);
    this.#undecided.delete(generationId);
    if (!this.#generations.includes(generationId)) this.#generations.push(generationId);
  }

  async #ran(generationId: GenerationId): Promise<void> {
    const report = { generationId, model: "m", codeHash: "", content: "" };
    const fate = await this.#attempt(`ran ${generationId}`, 1_000, (context) =>
      this.#service.decisions.recordGeneration(report, context),
    );
    if (fate === "done") this.#acknowledged.generations.add(generationId);
  }

  async #report(generationId: GenerationId, order: number): Promise<void> {
    const outcomeId = outcomeIds[order] as string;
    const report = {
      generationId,
      outcomeId: parseOutcomeId(outcomeId),
      // The later an outcome happened the earlier it may be reported; the newest value counts.
      occurredAtMs: this.#parts.wall.startMs - 1_000 * ((order * 7) % 3),
      content: { source: "ci" as const, passed: order !== 1, pipeline: "", url: "" },
    };
    const allowedMs = 50 + 50 * this.#upTo(20);
    const fate = await this.#attempt(`report ${generationId} ${outcomeId}`, allowedMs, (context) =>
      this.#service.decisions.recordOutcome(report, context),
    );
    if (fate === "done") this.#acknowledged.outcomes.add(`${generationId}/${outcomeId}`);
  }

  /** `done` means acknowledged. @returns otherwise the reason, or that the process was killed before it answered */
  async #attempt(
    what: string,
    allowedMs: number,
    call: (context: CallContext) => Promise<unknown>,
  ): Promise<string> {
    const { time, wall } = this.#parts;
    const life = this.#life;
    const deadlineMs = wall.startMs + wall.skewMs + time.passedMs + allowedMs;
    const context = { signal: new AbortController().signal, actor: "test", deadlineMs };
    let fate = "done";
    try {
      await call(context);
    } catch (error) {
      if (!(error instanceof BanditError)) throw error;
      fate = error.reason;
    }
    if (life.isOver) fate = "killed";
    this.#note(`${what}: ${fate}`);
    return fate;
  }

  get #service(): Replica["service"] {
    return (this.#replica as Replica).service;
  }

  #note(what: string): void {
    this.#trace.push(`${this.#parts.time.passedMs} ${what}`);
  }

  #newGenerationId(): GenerationId {
    const bytes = new Uint8Array(16);
    this.#fill(bytes);
    const timestampMs = this.#parts.wall.startMs + this.#parts.time.passedMs;
    layOutGenerationId(bytes, { timestampMs, bucket: 0 });
    return formatGenerationId(bytes);
  }

  #fill(target: Uint8Array): void {
    for (let at = 0; at < target.length; at += 1) target[at] = this.#upTo(255);
  }

  #chance(probability: number): boolean {
    return this.#random.next() < probability;
  }

  /** A whole number from 0 to `max`. */
  #upTo(max: number): number {
    return Math.floor(this.#random.next() * (max + 1));
  }
}

/** The port of an engine that is away at times. */
function fallible<Port extends object>(port: Port, isAway: () => boolean): Port {
  return around(port, async (call) => {
    if (isAway()) throw new BanditError("unavailable", "away", { reason: "CATALOGUE_UNAVAILABLE" });
    return call();
  });
}
