import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SqliteDiskQueue } from "../../src/adapters/sqlite/sqlite-disk-queue.ts";
import { BanditError } from "../../src/domain/errors.ts";
import { type GenerationId, parseOutcomeId } from "../../src/domain/ids.ts";
import type { ApplyContributionsInput, StateStore } from "../../src/ports/state-store.ts";
import type { CallContext } from "../../src/service/api/call-context.ts";
import { findFaults } from "../support/outage-ledger.ts";
import {
  type OpenChanges,
  type OutageService,
  type OutageSite,
  openOutageSite,
  outageAgent,
  untilEmpty,
} from "../support/outage-site.ts";
import { type OutageMode, outageModes } from "../support/outage-store.ts";
import { newGenerationId } from "../support/state-samples.ts";

const generationsMax = 6;
const outcomeIds = ["a", "b", "c"] as const;

/** Steps of one turn are under way at once. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ decide: fc.nat(generationsMax - 1) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      report: fc.nat(generationsMax - 1),
      outcome: fc.constantFrom(...outcomeIds),
      deadlineMs: fc.option(fc.constantFrom(3, 40), { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ ran: fc.nat(generationsMax - 1) }) },
);
const turn = fc.record({
  mode: fc.constantFrom<OutageMode>("up", ...outageModes),
  steps: fc.array(step, { maxLength: 8 }),
  /** The process is killed while the steps are under way, and another one takes over. */
  killedAfterMs: fc.option(fc.nat(15), { nil: undefined, freq: 3 }),
  restMs: fc.nat(30),
});

let site: OutageSite;
let codeTypes = 0;

beforeAll(async () => {
  site = await openOutageSite();
});
afterAll(() => site.remove());

test("whatever fails, is repeated or killed in whatever order, what was acknowledged is there once and the totals are its fold", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { minLength: 1, maxLength: 6 }), async (turns) => {
      expect(await new History(site.openQueue()).run(turns)).toEqual([]);
    }),
    { numRuns: 40, endOnFailure: true },
  );
}, 240_000);

test("a store that adds what it has booked before once more is found out", async () => {
  const booked = new Set<string>();
  const forgetful = (state: StateStore): StateStore =>
    new Proxy(state, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== "function") return member;
        if (name !== "applyContributions") return member.bind(target);
        return (input: ApplyContributionsInput) => {
          const suffix = booked.has(input.eventId) ? "_again" : "";
          booked.add(input.eventId);
          const contributions = input.contributions.map((one) => ({
            ...one,
            component: one.component + suffix,
          }));
          return target.applyContributions({
            ...input,
            contributions,
            eventId: input.eventId + suffix,
          });
        };
      },
    });
  const report = { report: 0, outcome: "a", deadlineMs: undefined } as const;
  const rest = { killedAfterMs: undefined, restMs: 0 };
  const changes = { wrapState: forgetful, stateTimeoutMs: 10_000 };
  const faults = await new History(site.openQueue(), changes).run([
    { mode: "up", steps: [{ decide: 0 }], ...rest },
    { mode: "answers_lost", steps: [report], ...rest },
  ]);
  expect(faults).toContainEqual(expect.stringContaining("weight is 2, the fold gives 1"));
}, 60_000);

type Turn = typeof turn extends fc.Arbitrary<infer Value> ? Value : never;

/** One run against one code type, and what was acknowledged in it. */
class History {
  readonly #queue: SqliteDiskQueue;
  readonly #changes: Partial<OpenChanges>;
  readonly #codeType: string;
  readonly #generations = Array.from({ length: generationsMax }, () => newGenerationId());
  readonly #startedAtMs = Date.now() + site.clock.aheadMs;
  readonly #decisions = new Set<string>();
  readonly #reports = new Set<string>();
  readonly #outcomes = new Set<string>();

  constructor(queue: SqliteDiskQueue, changes: Partial<OpenChanges> = {}) {
    codeTypes += 1;
    this.#codeType = `p${codeTypes}`;
    this.#queue = queue;
    this.#changes = changes;
  }

  async run(turns: readonly Turn[]): Promise<string[]> {
    let service = await this.#open();
    for (const { mode, steps, killedAfterMs, restMs } of turns) {
      service.outage.mode = mode;
      const work = Promise.all(steps.map((one) => this.#do(service, one)));
      if (killedAfterMs === undefined) {
        await work;
        await sleep(restMs);
      } else {
        await sleep(killedAfterMs);
        service.kill();
        service = await this.#open();
      }
    }
    service.outage.mode = "up";
    // Every generation is decided in the end, so that every report finds its own.
    await Promise.all(this.#generations.map((_, decide) => this.#do(service, { decide })));
    await untilEmpty(this.#queue);
    await service.running.drain.flush();
    const faults = await findFaults({
      codeType: this.#codeType,
      eventLog: site.engines.eventLog,
      state: site.engines.state,
      decisions: this.#decisions,
      generations: this.#reports,
      outcomes: this.#outcomes,
    });
    await service.close();
    return faults;
  }

  #open(): Promise<OutageService> {
    return site.open({ spool: this.#queue, ...this.#changes });
  }

  /** Notes what is acknowledged; a call of a killed process never is. */
  async #do(service: OutageService, one: Turn["steps"][number]): Promise<void> {
    const calls = service.running.service.decisions;
    const context: CallContext = { signal: new AbortController().signal, actor: "test" };
    try {
      if ("decide" in one) {
        const generationId = this.#generations[one.decide] as GenerationId;
        await calls.selectVariant(
          {
            agentType: outageAgent as never,
            codeType: this.#codeType as never,
            agentId: "",
            conversationId: "",
            features: {},
            allowedVariantIds: [],
            generationId,
          },
          context,
        );
        this.#note(service, this.#decisions, generationId);
      } else if ("ran" in one) {
        const generationId = this.#generations[one.ran] as GenerationId;
        const report = { generationId, model: "m", codeHash: "", content: "" };
        await calls.recordGeneration(report, context);
        this.#note(service, this.#reports, generationId);
      } else {
        const generationId = this.#generations[one.report] as GenerationId;
        const order = outcomeIds.indexOf(one.outcome);
        const deadlineMs = Date.now() + site.clock.aheadMs + (one.deadlineMs ?? 0);
        await calls.recordOutcome(
          {
            generationId,
            outcomeId: parseOutcomeId(one.outcome),
            // The later an outcome happened the earlier it may be reported; the newest value counts.
            occurredAtMs: this.#startedAtMs - 1000 * ((order * 7) % 3),
            content: {
              source: "ci",
              passed: (order + one.report) % 2 === 0,
              pipeline: "",
              url: "",
            },
          },
          one.deadlineMs === undefined ? context : { ...context, deadlineMs },
        );
        this.#note(service, this.#outcomes, `${generationId}|${one.outcome}`);
      }
    } catch (error) {
      if (!(error instanceof BanditError)) throw error;
    }
  }

  #note(service: OutageService, acknowledged: Set<string>, key: string): void {
    if (!service.outage.isDead) acknowledged.add(key);
  }
}
