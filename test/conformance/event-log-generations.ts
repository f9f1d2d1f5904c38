import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import type { AgentType, CodeType, GenerationId, VariantId } from "../../src/domain/ids.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { EventStream } from "../../src/ports/event-rows.ts";
import type {
  LoggedEvent,
  LoggedGeneration,
  ReadGenerationsInput,
} from "../../src/ports/generation-log.ts";
import { formatEventTime } from "../../src/service/events/event-time.ts";
import {
  columnsOf,
  sampleDecision,
  sampleGeneration,
  sampleOutcome,
} from "../support/clickhouse-event-samples.ts";

type Append = (stream: EventStream, rows: readonly object[]) => Promise<void>;

const agentType = "rebuilt" as AgentType;
const codeTypes = ["C++/x:#1.-", "Go", "go", "python_class"] as CodeType[];
const count = 240;
/** The end of a month, so that generations lie in two partitions. */
const firstMs = Date.UTC(2026, 10, 30, 23, 59, 58);

interface Sample {
  readonly generation: LoggedGeneration;
  readonly learned: ReadonlySet<string>;
}

/** Ids in no order at all; of the generations some have no event, some many, some were not learned from. */
const samples: readonly Sample[] = Array.from({ length: count }, (_, index): Sample => {
  const decidedAtMs = firstMs + index * 17;
  const events = Array.from({ length: [0, 1, 1, 2, 5][index % 5] as number }, (__, nth) =>
    event(index, nth, decidedAtMs),
  ).toSorted((a, b) => a.receivedAtMs - b.receivedAtMs || (a.eventId < b.eventId ? -1 : 1));
  return {
    generation: {
      generationId: randomUUID() as string as GenerationId,
      agentType,
      codeType: codeTypes[index % codeTypes.length] as CodeType,
      variantId: `rebuilt/v${index % 3}@1` as VariantId,
      decidedAtMs,
      decision: {
        source: index % 2 === 0 ? "exploit" : "explore",
        propensity: 1 / (1 + (index % 7)),
        allocationVersion: index.toString(16).padStart(16, "0"),
        forgettingPosition: index % 4 === 0 ? index / 3 : 0,
        ...(index % 6 === 0
          ? { context: { epoch: 1_700_000_000_000 + index, values: [1, -1 / (1 + index)] } }
          : {}),
        ...(index % 7 === 0 ? { experiment: { id: `exp-${index}`, arm: "b" } } : {}),
      },
      events,
    },
    learned: new Set(
      events.filter(({ contributions }) => contributions.length > 0).map((e) => e.eventId),
    ),
  };
});

function event(index: number, nth: number, decidedAtMs: number): LoggedEvent {
  const isReport = nth === 1;
  const receivedAtMs = decidedAtMs + ((index + 3 * nth) % 5) * 100;
  const learned = (index + nth) % 4 !== 3;
  return {
    eventId: isReport ? "generation" : `outcome:${nth === 3 ? "default reward" : `o${nth}`}`,
    occurredAtMs: isReport ? receivedAtMs : decidedAtMs + nth,
    receivedAtMs,
    ingestedAtMs: 0,
    contributions: !learned
      ? []
      : isReport
        ? [{ component: "cost_penalty", value: 0, weight: 0, penalty: 1 / (3 + index) }]
        : [
            { component: "x", value: index / count, weight: 0.5, penalty: 0 },
            { component: "y", value: -1 / 3, weight: 0.1, penalty: 0 },
          ].slice(0, 1 + (nth % 2)),
  };
}

const everything: ReadGenerationsInput = { agentType, learnedOnly: false, limit: 10_000 };

async function readAll(log: EventLog, input: ReadGenerationsInput): Promise<LoggedGeneration[]> {
  const read: LoggedGeneration[] = [];
  let after: ReadGenerationsInput["after"];
  do {
    const page = await log.readGenerations({ ...input, ...(after === undefined ? {} : { after }) });
    // When it was ingested is the log's affair.
    for (const generation of page.generations) {
      read.push({
        ...generation,
        events: generation.events.map((one) => ({ ...one, ingestedAtMs: 0 })),
      });
    }
    after = page.next;
  } while (after !== undefined);
  return read;
}

/** A moment of the log's clock after everything that is in it. */
async function later(log: EventLog): Promise<number> {
  const nowMs = await log.readClockMs();
  while ((await log.readClockMs()) <= nowMs + 1);
  return nowMs + 1;
}

const byId = (generations: readonly LoggedGeneration[]): readonly LoggedGeneration[] =>
  generations.toSorted((a, b) => (a.generationId < b.generationId ? -1 : 1));

/** The part of the conformance suite that is about {@link EventLog.readGenerations} and what goes with it. */
export function describeGenerations(log: () => EventLog, append: Append): void {
  describe("whole generations", () => {
    beforeAll(async () => {
      const rows = (stream: EventStream) => samples.flatMap((sample) => rowsOf(sample, stream));
      await append("decisions", rows("decisions"));
      await append("decisions", rows("decisions").toReversed());
      for (const stream of ["generations", "outcomes"] as const) {
        // First a copy that was only logged: the one that was learned from counts.
        await append(
          stream,
          rows(stream).map((row) => ({ ...row, learned: 0 })),
        );
        await append(stream, rows(stream));
      }
      await append("decisions", [sampleDecision({ generation_id: randomUUID() })]);
    });

    test("come with all they know, each event once, in the order of receipt", async () => {
      const read = await readAll(log(), everything);
      expect(byId(read)).toEqual(byId(samples.map(({ generation }) => generation)));
    });

    test.each([5, 100])("come in pages of %i, each once, by code type", async (limit) => {
      const read = await readAll(log(), { ...everything, limit });
      expect(byId(read)).toEqual(byId(samples.map(({ generation }) => generation)));
      const codes = read.map(({ codeType }) => codeType);
      expect(codes).toEqual(codes.toSorted());
    });

    test.each([20, 10_000])("are those of one code type, in pages of %i", async (limit) => {
      for (const codeType of codeTypes) {
        const read = await readAll(log(), { ...everything, codeType, limit });
        expect(byId(read)).toEqual(
          byId(samples.map((s) => s.generation).filter((one) => one.codeType === codeType)),
        );
      }
      expect(await readAll(log(), { ...everything, codeType: "none" as CodeType })).toEqual([]);
    });

    test("are those decided from a moment on", async () => {
      const decidedFromMs = firstMs + 100 * 17;
      const read = await readAll(log(), { ...everything, decidedFromMs, limit: 9 });
      expect(byId(read)).toEqual(byId(samples.slice(100).map(({ generation }) => generation)));
    });

    test("have only what was learned from where that was asked for", async () => {
      const read = await readAll(log(), { ...everything, learnedOnly: true, limit: 50 });
      const expected = samples
        .filter(({ learned }) => learned.size > 0)
        .map(({ generation, learned }) => ({
          ...generation,
          events: generation.events.filter(({ eventId }) => learned.has(eventId)),
        }));
      expect(byId(read)).toEqual(byId(expected));
      expect(read.length).toBeLessThan(count);
    });

    test("whose decision is not in the log are not passed over", async () => {
      const other = "orphaned" as AgentType;
      const ids = [1, 2, 3].map(() => randomUUID() as string as GenerationId);
      for (const [index, generation_id] of ids.entries()) {
        const columns = { generation_id, agent_type: other, code_type: "c", outcome_id: "o" };
        if (index > 0) await append("decisions", [sampleDecision(columns)]);
        await append("outcomes", [sampleOutcome(columns)]);
      }
      const read = await readAll(log(), { agentType: other, learnedOnly: true, limit: 1 });
      expect(byId(read).map(({ generationId }) => generationId)).toEqual(ids.toSorted());
      expect(read.filter(({ decision }) => decision === undefined)).toMatchObject([
        { generationId: ids[0], variantId: "evolution/edge-cases-first@1" },
      ]);
    });

    test("are counted by arm as far as something was learned", async () => {
      const arms = await log().listLearnedArms(agentType);
      const learned = Map.groupBy(
        samples.filter(({ learned: events }) => events.size > 0),
        ({ generation: { codeType, variantId } }) => `${codeType} ${variantId}`,
      );
      expect(arms.map(({ codeType, variantId }) => `${codeType} ${variantId}`)).toEqual(
        [...learned.keys()].toSorted(),
      );
      for (const { codeType, variantId, generations, events } of arms) {
        const own = learned.get(`${codeType} ${variantId}`) ?? [];
        expect(generations).toBe(own.length);
        expect(events).toBe(own.reduce((sum, sample) => sum + sample.learned.size, 0));
      }
      expect(await log().listLearnedArms("nobody" as AgentType)).toEqual([]);
      expect((await log().listLearnedArms()).length).toBeGreaterThan(arms.length);
    });

    test("are those that have changed since a moment of the log's clock, whole", async () => {
      const changing = { ...everything, agentType: "changing" as AgentType };
      const ids = [1, 2, 3].map(() => randomUUID() as string as GenerationId);
      const rowOf = (index: number, code_type = "c") => ({
        ...{ generation_id: ids[index] as GenerationId, agent_type: "changing", code_type },
      });
      await append(
        "decisions",
        [0, 1, 2].map((index) => sampleDecision(rowOf(index))),
      );
      await append(
        "outcomes",
        [0, 1].map((index) => sampleOutcome(rowOf(index))),
      );
      const changedFromMs = await later(log());
      expect(await readAll(log(), { ...changing, changedFromMs })).toEqual([]);
      await append("outcomes", [sampleOutcome({ ...rowOf(1), outcome_id: "second" })]);
      await append("generations", [sampleGeneration(rowOf(2))]);
      for (const codeType of [{}, { codeType: "c" as CodeType }]) {
        const read = await readAll(log(), { ...changing, ...codeType, changedFromMs, limit: 1 });
        expect(byId(read).map(({ generationId }) => generationId)).toEqual(ids.slice(1).toSorted());
        const second = read.find(({ generationId }) => generationId === ids[1]);
        expect(second?.events).toHaveLength(2);
      }
      const { generations } = await log().readGenerations(changing);
      for (const { ingestedAtMs } of generations.flatMap(({ events }) => events)) {
        expect(Math.abs((await log().readClockMs()) - ingestedAtMs)).toBeLessThan(60_000);
      }
    });

    test("the first one's time is known", async () => {
      expect(await log().findFirstDecisionMs(agentType)).toBe(firstMs);
      expect(await log().findFirstDecisionMs("nobody" as AgentType)).toBeUndefined();
      const first = await log().query({
        ...{ sql: "SELECT toUnixTimestamp64Milli(min(decided_at)) FROM decisions", rowsMax: 1 },
        timeoutMs: 10_000,
      });
      expect(await log().findFirstDecisionMs()).toBe(Number(first.rows[0]?.[0]));
    });
  });
}

function rowsOf({ generation }: Sample, stream: EventStream): object[] {
  const columns = columnsOf(generation);
  if (stream === "decisions") {
    const { decision } = generation;
    return [
      sampleDecision({
        ...columns,
        source: decision?.source as string,
        propensity: decision?.propensity as number,
        allocation_version: decision?.allocationVersion as string,
        forgetting_position: decision?.forgettingPosition as number,
        context_epoch: decision?.context?.epoch ?? 0,
        context: decision?.context?.values ?? [],
        experiment_id: decision?.experiment?.id ?? "",
        experiment_arm: decision?.experiment?.arm ?? "",
      }),
    ];
  }
  return generation.events.flatMap((one): object[] => {
    const isReport = one.eventId === "generation";
    if (isReport !== (stream === "generations")) return [];
    const learned = {
      reward_components: one.contributions.map(({ component }) => component),
      reward_values: one.contributions.map(({ value }) => value),
      reward_weights: one.contributions.map(({ weight }) => weight),
      reward_penalties: one.contributions.map(({ penalty }) => penalty),
      learned: one.contributions.length > 0 ? 1 : 0,
    };
    return isReport
      ? [
          sampleGeneration({
            ...columns,
            ...learned,
            recorded_at: formatEventTime(one.receivedAtMs),
          }),
        ]
      : [
          sampleOutcome({
            ...columns,
            ...learned,
            outcome_id: one.eventId.slice("outcome:".length),
            occurred_at: formatEventTime(one.occurredAtMs),
            received_at: formatEventTime(one.receivedAtMs),
          }),
        ];
  });
}
