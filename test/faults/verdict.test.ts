import { describe, expect, it } from "vitest";
import {
  acceptedTwice,
  type FaultWindow,
  type LoggedCall,
  lateSelects,
  longestAnswerMs,
  longestUnavailabilityMs,
  refusalsWithoutDelay,
  strayMarks,
  unmarkedSelects,
  unrecordedSelects,
} from "./harness/call-log.ts";
import { LedgerModel } from "./harness/ledger-model.ts";
import {
  failuresOf,
  judgeEvents,
  type LiveArm,
  type LoggedEvents,
  wrongPosteriors,
} from "./harness/verdict.ts";

// The judge itself is judged: each promise is broken once, by hand, and must be found broken.

const codeType = "c";
const ids = ["g1", "g2", "g3", "g4"];

/** A test run of which so many of the tests passed. */
const testRun = (rate: number, occurredAtMs = 1) => {
  return { occurredAtMs, metrics: { test_pass_rate: rate } };
};

/** Four tasks, of either agent type two; each has a test run of which half the tests passed, at no cost. */
function ledgerOf(): LedgerModel {
  const ledger = new LedgerModel();
  for (const [index, generationId] of ids.entries()) {
    const agentType = index < 2 ? "plain" : "forgetful";
    const decision = { generationId, agentType, codeType, variantId: `${agentType}/quick@1` };
    ledger.acknowledgeDecision({ ...decision, degraded: false });
    ledger.acknowledgeGeneration(generationId, { costUsd: 0, durationMs: 0 });
    ledger.acknowledgeOutcome(generationId, "tests", testRun(0.5));
  }
  return ledger;
}

const decidedAtMs = 1_800_000_000_000;

function eventsOf(
  change: {
    drop?: string;
    repeat?: string;
    hide?: string;
    position?: number;
    receivedAtMs?: Readonly<Record<string, number>>;
  } = {},
): LoggedEvents {
  const table = (all: readonly string[]) => {
    const rows = all.filter((id) => id !== change.drop);
    const copies = rows.filter((id) => id === change.repeat || id === change.hide);
    const hidden = rows.filter((id) => id === change.hide).length;
    return { ids: [...rows, ...copies], finalRows: rows.length + copies.length - hidden };
  };
  return {
    tables: {
      decisions: table(ids),
      generations: table(ids),
      outcomes: table(ids.map((id) => `${id}/tests`)),
    },
    decisions: new Map(
      ids.map((id, index) => [
        id,
        {
          variantId: index < 2 ? "plain/quick@1" : "forgetful/quick@1",
          ...{ position: change.position ?? 0, decidedAtMs },
        },
      ]),
    ),
    receivedAtMs: new Map(Object.entries(change.receivedAtMs ?? {})),
  };
}

/** 2 · 0.2 of weight for plain; 2 · (0.4 tests + 0.1 duration) for forgetful, of which half the tests and all of the time. */
const plainArm: LiveArm = {
  agentType: "plain",
  codeType,
  variantId: "plain/quick@1",
  reward: 0.2,
  weight: 0.4,
  generations: 2,
  position: 0,
};
const forgetfulArm: LiveArm = {
  ...plainArm,
  agentType: "forgetful",
  variantId: "forgetful/quick@1",
  reward: 0.6,
  weight: 1,
};

describe("the verdict on events", () => {
  it("finds nothing where everything is as it should be", () => {
    expect(judgeEvents(ledgerOf(), eventsOf())).toEqual({
      lost: [],
      doubled: 0,
      hiddenCopies: 0,
      unexpected: [],
      servedOtherwise: [],
    });
  });

  it("finds a lost row in each table", () => {
    expect(judgeEvents(ledgerOf(), eventsOf({ drop: "g2" })).lost).toEqual([
      "decisions g2",
      "generations g2",
    ]);
    expect(judgeEvents(ledgerOf(), eventsOf({ drop: "g3/tests" })).lost).toEqual([
      "outcomes g3/tests",
    ]);
  });

  it("finds a row that counts twice, and one that FINAL hides", () => {
    expect(judgeEvents(ledgerOf(), eventsOf({ repeat: "g1/tests" })).doubled).toBe(1);
    const hidden = judgeEvents(ledgerOf(), eventsOf({ hide: "g1/tests" }));
    expect([hidden.doubled, hidden.hiddenCopies]).toEqual([0, 1]);
  });

  it("finds a row that nobody was told of", () => {
    expect(judgeEvents(new LedgerModel(), eventsOf()).unexpected).toHaveLength(3 * ids.length);
  });

  it("finds a decision that was logged otherwise than it was served", () => {
    const served = (degraded: boolean) => {
      const ledger = ledgerOf();
      const decision = { generationId: "g1", agentType: "plain", codeType };
      ledger.acknowledgeDecision({ ...decision, variantId: "plain/careful@1", degraded });
      return ledger;
    };
    expect(judgeEvents(served(false), eventsOf()).servedOtherwise).toEqual(["g1"]);
    expect(judgeEvents(served(true), eventsOf()).servedOtherwise).toEqual(["g1"]);
    const two = { replicas: 2 };
    expect(judgeEvents(served(false), eventsOf(), two).servedOtherwise).toEqual(["g1"]);
    expect(judgeEvents(served(true), eventsOf(), two).servedOtherwise).toEqual([]);
  });
});

describe("the verdict on posteriors", () => {
  const judge = (live: readonly LiveArm[], ledger = ledgerOf(), events = eventsOf()) =>
    wrongPosteriors(ledger, events, live);

  it("finds nothing where they are the fold of the outcomes, whatever comes twice or late", () => {
    expect(judge([plainArm, forgetfulArm])).toEqual([]);
    const ledger = ledgerOf();
    ledger.acknowledgeOutcome("g1", "tests", testRun(0.5));
    ledger.acknowledgeOutcome("g1", "a-late-one", testRun(1, 0));
    expect(judge([plainArm, forgetfulArm], ledger)).toEqual([]);
  });

  it("finds one that is wrong by 2e-9, an outcome too many, and an arm that is missing", () => {
    expect(judge([{ ...plainArm, reward: 0.2 + 2e-9 }])).toHaveLength(1);
    expect(judge([{ ...plainArm, generations: 3 }])).toHaveLength(1);
    expect(judge([{ ...plainArm, variantId: "plain/careful@1" }])).toHaveLength(2);
  });

  it("lets the newest value of a metric count, of one moment that of the larger id, and takes costs off", () => {
    const ledger = ledgerOf();
    ledger.acknowledgeOutcome("g1", "z", testRun(1));
    expect(judge([{ ...plainArm, reward: 0.3 }, forgetfulArm], ledger)).toEqual([]);
    ledger.acknowledgeGeneration("g3", { costUsd: 0.05, durationMs: 0 });
    expect(judge([{ ...forgetfulArm, reward: 0.5 }], ledger)).toEqual([]);
  });

  it("lets a generation count half after a half-life, and says so where it counts whole", () => {
    const halved = { ...forgetfulArm, reward: 0.3, weight: 0.5, position: 1 };
    expect(judge([halved])).toEqual([]);
    expect(judge([{ ...forgetfulArm, position: 1 }])).toHaveLength(1);
  });

  it("lets a generation count no further than five minutes ahead of its earliest report, and notices otherwise", () => {
    const halfLifeMs = 10 * 365 * 86_400_000;
    const receivedAtMs = {
      g3: decidedAtMs - halfLifeMs - 300_000,
      "g3/tests": decidedAtMs + 1_000,
      g4: decidedAtMs + 1_000,
    };
    const moved = eventsOf({ position: 2, receivedAtMs });
    const arm = { ...forgetfulArm, position: 2, reward: 0.45, weight: 0.75 };
    expect(judge([arm], ledgerOf(), moved)).toEqual([]);
    expect(judge([{ ...forgetfulArm, position: 2 }], ledgerOf(), moved)).toHaveLength(1);
  });
});

describe("the verdict on answers", () => {
  const call = (change: Partial<LoggedCall> = {}): LoggedCall => ({
    kind: "select",
    generationId: "g1",
    reportId: "",
    startMs: 2_000,
    endMs: 2_010,
    deadlineMs: 3_000,
    status: "ok",
    reason: "",
    degraded: false,
    duplicate: false,
    unrecorded: false,
    retryAfterMs: undefined,
    ...change,
  });
  const unreachable: FaultWindow = { kind: "state_unreachable", fromMs: 1_000, toMs: 5_000 };
  const down: FaultWindow = { kind: "process_down", fromMs: 1_000, toMs: 5_000 };

  it("finds a degraded answer that does not say so", () => {
    expect(unmarkedSelects([call()], [unreachable])).toHaveLength(1);
    expect(unmarkedSelects([call({ degraded: true })], [unreachable])).toEqual([]);
    expect(unmarkedSelects([call({ startMs: 900 })], [unreachable])).toEqual([]);
    const decidedBefore = call({ startMs: 10, endMs: 20 });
    expect(unmarkedSelects([decidedBefore, call()], [unreachable])).toEqual([]);
  });

  it("finds answers that are marked when nothing is wrong", () => {
    const marked = [1, 2, 3].map(() => call({ degraded: true, startMs: 90_000, endMs: 90_010 }));
    expect(strayMarks(marked, [unreachable])).toHaveLength(3);
    expect(strayMarks([call({ degraded: true })], [unreachable])).toEqual([]);
    // One of them has waited in vain for half a second.
    const waited = call({ degraded: true, startMs: 89_400, endMs: 89_910 });
    expect(strayMarks([...marked, waited], [unreachable])).toEqual([]);
  });

  it("finds a select that was late, unless its process was down", () => {
    const late = call({ status: "deadline_exceeded", endMs: 5_000 });
    expect(lateSelects([late], [unreachable])).toHaveLength(1);
    expect(lateSelects([late], [down])).toEqual([]);
    expect(lateSelects([{ ...late, kind: "outcome" }], [])).toEqual([]);
  });

  it("finds a report that was taken as new twice, and a refusal that does not say when to come again", () => {
    const report = call({ kind: "outcome", reportId: "tests" });
    expect(acceptedTwice([report, report])).toEqual(["g1/tests"]);
    expect(acceptedTwice([report, { ...report, duplicate: true }])).toEqual([]);
    const refused = call({ status: "resource_exhausted", reason: "FULL" });
    expect(refusalsWithoutDelay([refused])).toHaveLength(1);
    expect(refusalsWithoutDelay([{ ...refused, retryAfterMs: 100 }])).toEqual([]);
  });

  it("finds decisions that were not stored, and does not miss their events where that is allowed", () => {
    const unrecorded = call({ unrecorded: true, degraded: true });
    expect(unrecordedSelects([unrecorded, call()])).toEqual([unrecorded]);
    const judge = (allowsUnrecorded: boolean) =>
      failuresOf({
        events: judgeEvents(ledgerOf(), eventsOf()),
        wrongPosteriors: [],
        calls: [unrecorded],
        windows: [unreachable],
        allowsUnrecorded,
      });
    expect(judge(false)).toHaveLength(1);
    expect(judge(true)).toEqual([]);
    const ledger = new LedgerModel();
    for (const id of ids) ledger.noteUnrecorded(id);
    expect(judgeEvents(ledger, eventsOf())).toMatchObject({ lost: [], unexpected: [] });
  });

  it("measures the longest silence and the longest answer", () => {
    const calls = [
      call({ startMs: 0, endMs: 10 }),
      call({ startMs: 100, endMs: 900, status: "unavailable" }),
      call({ startMs: 100, endMs: 710 }),
      call({ startMs: 200, endMs: 1_100, status: "resource_exhausted", reason: "FULL" }),
    ];
    expect(longestUnavailabilityMs(calls)).toBe(700);
    expect(longestAnswerMs(calls)).toBe(900);
  });

  it("puts everything into words", () => {
    const events = judgeEvents(ledgerOf(), eventsOf({ drop: "g1", hide: "g2" }));
    const all = failuresOf({
      events,
      wrongPosteriors: ["x"],
      calls: [call()],
      windows: [unreachable],
    });
    expect(all).toHaveLength(4);
    expect(all[0]).toBe(
      'acknowledged events that are not in the event log: 2, e.g. "decisions g1"',
    );
  });
});
