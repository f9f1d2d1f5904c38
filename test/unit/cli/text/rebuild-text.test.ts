import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import {
  formatRebuild,
  type RebuildResult,
  rebuildFailure,
} from "../../../../src/cli/text/rebuild-text.ts";
import {
  type PosteriorDifference,
  PosteriorDifferenceSchema,
  RebuildSummarySchema,
} from "../../../../src/client/index.ts";

function result(
  check: boolean,
  summary: Parameters<typeof create<typeof RebuildSummarySchema>>[1],
  differences: readonly Partial<PosteriorDifference>[] = [],
): RebuildResult {
  return {
    check,
    summary: create(RebuildSummarySchema, { arms: 1_200, eventsRead: 34_567n, ...summary }),
    differences: differences.map(({ $typeName: _, ...one }) =>
      create(PosteriorDifferenceSchema, {
        ...{ agentType: "evolution", codeType: "python_class", variantId: "evolution/a@1" },
        ...one,
      }),
    ),
    differencesLeftOut: 0,
  };
}

test("agreement is one line and no failure", () => {
  const same = result(true, {});
  expect(formatRebuild(same)).toBe(
    "1,200 of 1,200 arms agree with the event log. 34,567 events read.\n",
  );
  expect(rebuildFailure(same)).toBeUndefined();
});

test("differences are a table of at most 100 columns, with as many digits as tell them apart", () => {
  const different = result(true, { armsDifferent: 2 }, [
    { field: "reward", live: 0.1 + 0.2, recomputed: 0.300_000_001 },
    { field: "generations", live: 3, recomputed: 4 },
    {
      codeType: "c".repeat(64),
      variantId: `${"v".repeat(64)}/${"w".repeat(64)}@1`,
      ...{ field: "context_products[152]", live: -1.234_567_890_123e-200, recomputed: -1e200 / 3 },
    },
  ]);
  const text = formatRebuild(different);
  expect(text).toContain(
    "python_class     evolution/a@1                 reward                            0.3     0.300000001\n",
  );
  expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  expect(text).toContain("1,198 of 1,200 arms agree with the event log.");
  expect(rebuildFailure(different)).toBe(
    "2 of 1,200 arms differ from the event log; `banditd rebuild` puts them right",
  );
});

test("a repair that has put things right is no failure; arms that never held still are", () => {
  const repaired = result(false, {
    ...{ armsDifferent: 1, armsReplaced: 1, decisionsRestored: 2n, ledgersRestored: 1n },
  });
  expect(formatRebuild(repaired)).toBe(
    "1 of 1,200 arms put right. 34,567 events read.\n" +
      "2 decisions and the contributions of 1 generation put back.\n",
  );
  expect(rebuildFailure(repaired)).toBeUndefined();
  expect(rebuildFailure(result(false, { armsUnsettled: 3 }))).toBe(
    "3 arms changed all the time and could not be put right; try again when fewer outcomes come in",
  );
  expect(rebuildFailure(result(true, { armsUnsettled: 1, armsDifferent: 1 }))).toBe(
    "1 of 1,200 arms differ from the event log; `banditd rebuild` puts them right\n" +
      "1 arm changed all the time and could not be compared; try again when fewer outcomes come in",
  );
});

test("arms of which the log has deleted the beginning are said to be left alone", () => {
  const text = formatRebuild(result(true, { armsBeyondLog: 4 }));
  expect(text).toContain("1,196 of 1,200 arms agree");
  expect(text).toContain("4 arms not compared: they know of more generations than the event log");
  expect(rebuildFailure(result(true, { armsBeyondLog: 1_199 }))).toBeUndefined();
});

test("dead letters are named as the likely cause, and no rebuild is advised while there are any", () => {
  expect(rebuildFailure(result(true, { armsDifferent: 2, deadLetters: 1 }))).toBe(
    "2 of 1,200 arms differ from the event log; 1 dead letter may be why: return or drop them first, " +
      "see `banditd dead-letters list`",
  );
  expect(rebuildFailure(result(true, { deadLetters: 1 }))).toBeUndefined();
});

test("when nothing could be compared that is a failure, whatever the reason", () => {
  expect(rebuildFailure(result(true, { armsBeyondLog: 1_200 }))).toBe(
    "nothing was compared: every arm knows of more than the event log still has",
  );
  expect(rebuildFailure(result(false, { armsBeyondLog: 1_200 }))).toMatch(/^nothing was put right/);
  expect(rebuildFailure(result(true, { armsDifferent: 1_200, armsWithoutEvents: 1_200 }))).toBe(
    "the event log has nothing of 1,200 of 1,200 arms: it was emptied, is another one or has deleted all of theirs; " +
      "a rebuild leaves them as they are",
  );
  expect(rebuildFailure(result(false, { armsWithoutEvents: 3 }))).toBe(
    "the event log has nothing of 3 of 1,200 arms: it was emptied, is another one or has deleted all of theirs; " +
      "they were left as they are",
  );
  expect(rebuildFailure(result(true, { armsDifferent: 4, armsWithoutEvents: 3 }))).toContain(
    "1 of 1,200 arms differ from the event log; `banditd rebuild` puts them right\n",
  );
});
