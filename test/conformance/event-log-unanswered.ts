import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { AgentType, CodeType, VariantId } from "../../src/domain/ids.ts";
import type {
  EventLog,
  ListWithoutOutcomeInput,
  UnansweredDecision,
} from "../../src/ports/event-log.ts";
import type { EventStream } from "../../src/ports/event-rows.ts";
import {
  columnsOf,
  sampleDecision,
  sampleGenerationId,
  sampleOutcome,
} from "../support/clickhouse-event-samples.ts";
import { forAll } from "../support/for-all.ts";

type Append = (stream: EventStream, rows: readonly object[]) => Promise<void>;

const space = 0x40;
const count = 450;
/** The end of a month, so that stretches lie in two partitions. */
const firstMs = Date.UTC(2026, 10, 30, 23, 59, 59, 996);
const agentTypes = ["evolution", "requirements"] as AgentType[];
const codeTypes = ["python_class", "C++/x", "go"] as CodeType[];
const sources = ["test_run", "ci", "default"];

/** Fifty decisions a millisecond, in no order of their ids; of three one has no outcome. */
const decisions = Array.from({ length: count }, (_, index) => ({
  decision: {
    generationId: sampleGenerationId((index * 7919) % 65_521, space + (index % 4)),
    agentType: agentTypes[index % 5 === 0 ? 1 : 0] as AgentType,
    codeType: codeTypes[Math.floor(index / 7) % 3] as CodeType,
    variantId: `evolution/v${index % 4}@1` as VariantId,
    decidedAtMs: firstMs + (index % 9),
    source: index % 2 === 0 ? ("exploit" as const) : ("holdout" as const),
    forgettingPosition: index % 4 === 0 ? index / 3 : 0,
    ...(index % 7 === 0
      ? { context: { epoch: 1_700_000_000_000 + index, values: [1, -1 / (1 + index)] } }
      : {}),
  } satisfies UnansweredDecision,
  outcomeSource: index % 3 === 0 ? undefined : (sources[index % 4] ?? "custom"),
}));

/** What is to be listed, by a plain filter. */
function expected(input: ListWithoutOutcomeInput): UnansweredDecision[] {
  const {
    agentType,
    codeTypes: wanted,
    decidedFromMs,
    decidedToMs,
    afterGenerationId = "",
  } = input;
  return decisions
    .filter(({ outcomeSource }) => outcomeSource === undefined)
    .map(({ decision }) => decision)
    .filter(
      ({ generationId, codeType, decidedAtMs, ...decision }) =>
        decision.agentType === agentType &&
        ("only" in wanted ? wanted.only.includes(codeType) : !wanted.except.includes(codeType)) &&
        decidedAtMs < decidedToMs &&
        (decidedAtMs > decidedFromMs ||
          (decidedAtMs === decidedFromMs && generationId > afterGenerationId)),
    )
    .sort((a, b) => a.decidedAtMs - b.decidedAtMs || (a.generationId < b.generationId ? -1 : 1))
    .slice(0, input.limit);
}

const everything: ListWithoutOutcomeInput = {
  agentType: agentTypes[0] as AgentType,
  codeTypes: { except: [] },
  decidedFromMs: firstMs,
  decidedToMs: firstMs + 9,
  limit: 10_000,
};

/** The part of the conformance suite that is about {@link EventLog.listWithoutOutcome}. */
export function describeUnanswered(log: () => EventLog, append: Append): void {
  describe("decisions without an outcome", () => {
    beforeAll(async () => {
      const rows = decisions.map(({ decision }) => decisionRow(decision));
      // Twice: a delivery that is repeated late leaves its rows twice until they are merged.
      await append("decisions", rows);
      await append("decisions", rows.toReversed());
      await append(
        "outcomes",
        decisions.flatMap(({ decision, outcomeSource }) =>
          outcomeSource === undefined ? [] : [outcomeRow(decision, outcomeSource)],
        ),
      );
    });

    test("are listed once, with all they know, in the order of time and id", async () => {
      const listed = await log().listWithoutOutcome(everything);
      expect(listed).toEqual(expected(everything));
      expect(listed.length).toBeGreaterThan(70);
    });

    test("are those of the agent type, the code types and the stretch that were asked for", async () => {
      const edge = fc.integer({ min: -1, max: 10 }).map((offset) => firstMs + offset);
      const listOf = fc.subarray([...codeTypes, "it's \\" as CodeType]);
      const input = fc.record({
        agentType: fc.constantFrom(...agentTypes, "nobody" as AgentType),
        codeTypes: fc.oneof(
          listOf.map((only) => ({ only })),
          listOf.map((except) => ({ except })),
        ),
        decidedFromMs: edge,
        decidedToMs: edge,
        limit: fc.constantFrom(1, 5, 10_000),
      });
      await forAll([input], { numRuns: 30 }, async (drawn) => {
        expect(await log().listWithoutOutcome(drawn)).toEqual(expected(drawn));
      });
    });

    test.each([1, 4, 7])(
      "come in pages of %i without loss, many in one millisecond",
      async (limit) => {
        const listed: UnansweredDecision[] = [];
        let page: readonly UnansweredDecision[];
        let next: Partial<ListWithoutOutcomeInput> = { decidedToMs: firstMs + 3 };
        do {
          page = await log().listWithoutOutcome({ ...everything, ...next, limit });
          listed.push(...page);
          const last = page.at(-1);
          if (last !== undefined) {
            const { decidedAtMs: decidedFromMs, generationId: afterGenerationId } = last;
            next = { ...next, decidedFromMs, afterGenerationId };
          }
        } while (page.length === limit);
        expect(listed).toEqual(expected({ ...everything, decidedToMs: firstMs + 3 }));
        const firsts = listed.filter(({ decidedAtMs }) => decidedAtMs === firstMs);
        expect(firsts.length).toBeGreaterThan(limit);
      },
    );

    test("are found with ten thousand code types left out", async () => {
      const except = Array.from(
        { length: 10_000 },
        (_, index) => `${"x".repeat(59)}${String(index).padStart(5, "0")}` as CodeType,
      );
      const input = { ...everything, codeTypes: { except }, limit: 3 };
      expect(await log().listWithoutOutcome(input)).toEqual(expected(input));
    });

    test("are not listed any more when a default reward was booked for them", async () => {
      const [first] = expected(everything) as [UnansweredDecision];
      const alone = {
        ...everything,
        decidedFromMs: first.decidedAtMs,
        decidedToMs: first.decidedAtMs + 1,
      };
      const before = await log().listWithoutOutcome(alone);
      await append("outcomes", [outcomeRow(first, "default")]);
      expect(await log().listWithoutOutcome(alone)).toEqual(before.slice(1));
    });
  });
}

function decisionRow(decision: UnansweredDecision): object {
  return sampleDecision({
    ...columnsOf(decision),
    source: decision.source,
    forgetting_position: decision.forgettingPosition,
    context_epoch: decision.context?.epoch ?? 0,
    context: decision.context?.values ?? [],
  });
}

function outcomeRow(decision: UnansweredDecision, source: string): object {
  return sampleOutcome({ ...columnsOf(decision), source });
}
