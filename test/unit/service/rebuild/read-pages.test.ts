import { expect, test } from "vitest";
import { BanditError } from "../../../../src/domain/errors.ts";
import type { AgentType, CodeType, GenerationId } from "../../../../src/domain/ids.ts";
import type { EventLog } from "../../../../src/ports/event-log.ts";
import type { GenerationPage, ReadGenerationsInput } from "../../../../src/ports/generation-log.ts";
import { readPages } from "../../../../src/service/rebuild/read-pages.ts";

const input = { agentType: "evolution" as AgentType, learnedOnly: true };
const never = new AbortController().signal;

function placeOf(index: number): NonNullable<GenerationPage["next"]> {
  return { codeType: "go" as CodeType, generationId: `g${index}` as GenerationId };
}

/** Three pages, of which each refuses more than so many decisions. */
function logOf(limits: readonly number[]): { log: EventLog; asked: ReadGenerationsInput[] } {
  const asked: ReadGenerationsInput[] = [];
  const readGenerations = async (wanted: ReadGenerationsInput): Promise<GenerationPage> => {
    asked.push(wanted);
    const page = wanted.after === undefined ? 0 : Number(wanted.after.generationId.slice(1));
    if (wanted.limit > (limits[page] as number)) {
      throw new BanditError("resource_exhausted", "too large", { reason: "QUERY_TOO_LARGE" });
    }
    return { generations: [], ...(page + 1 < limits.length ? { next: placeOf(page + 1) } : {}) };
  };
  return { log: { readGenerations } as unknown as EventLog, asked };
}

async function pagesOf(log: EventLog, signal = never): Promise<number> {
  let pages = 0;
  for await (const _ of readPages(log, input, signal)) pages += 1;
  return pages;
}

test("pages that would be too large are asked for again, smaller", async () => {
  const { log, asked } = logOf([10_000, 100, 10_000]);
  expect(await pagesOf(log)).toBe(3);
  expect(asked.map(({ limit }) => limit)).toEqual([5_000, 5_000, 1_250, 313, 79, 5_000]);
  expect(asked.map(({ after }) => after?.generationId)).toEqual([
    ...[undefined, "g1", "g1", "g1", "g1", "g2"],
  ]);
});

test("a single generation that is too large is a failure, not a loop", async () => {
  const { log } = logOf([0]);
  await expect(pagesOf(log)).rejects.toMatchObject({ reason: "QUERY_TOO_LARGE" });
});

test("nothing is read for a caller that has gone", async () => {
  const { log } = logOf([10_000, 10_000]);
  const going = new AbortController();
  const pages = readPages(log, input, going.signal);
  expect((await pages.next()).done).toBe(false);
  going.abort();
  await expect(pages.next()).rejects.toMatchObject({
    code: "aborted",
    reason: "REBUILD_CANCELLED",
  });
});
