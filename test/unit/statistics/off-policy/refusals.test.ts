import { describe, expect, it } from "vitest";
import type { LoggedRow } from "../../../../src/statistics/off-policy/logged-row.ts";
import { OffPolicyLog } from "../../../../src/statistics/off-policy/off-policy-log.ts";
import type { RefusalReason, Result } from "../../../../src/statistics/result.ts";
import { evaluateOffPolicy } from "../../../support/evaluate-off-policy.ts";
import { evenLog, everywhere, outlierLog } from "./log-samples.ts";

const policy = everywhere({ a: 0.8, b: 0.2 });

function reasonOf(result: Result<unknown>): RefusalReason | undefined {
  return result.ok ? undefined : result.refusal.reason;
}

function evaluation(rows: Iterable<LoggedRow>, options = {}) {
  const result = evaluateOffPolicy(rows, { policy, ...options });
  if (!result.ok) throw new Error(result.refusal.message);
  return result.value;
}

/** Why something is refused, and what the message has. */
const because = (reason: RefusalReason, message: string | RegExp) => ({
  reason,
  message:
    typeof message === "string" ? expect.stringContaining(message) : expect.stringMatching(message),
});
const refusal = (reason: RefusalReason, message: string | RegExp) => ({
  ok: false,
  refusal: because(reason, message),
});

/** The reasons of all five estimators. */
function reasons(rows: Iterable<LoggedRow>, options = {}) {
  const { ips, snips, dm, dr, switchDr } = evaluation(rows, options);
  return [ips, snips, dm, dr, switchDr].map(reasonOf);
}

const rewarded = (rows: readonly LoggedRow[], rewardOf: (index: number) => number) =>
  rows.map((row, index) => ({ ...row, reward: rewardOf(index) }));

const fine = [undefined, undefined, undefined, undefined, undefined];

describe("a log that can be used", () => {
  it("gives every estimator's number", () => {
    expect(reasons(evenLog(1000))).toEqual(fine);
  });

  it("may hold arms that the candidate does not know: it serves them with probability 0", () => {
    const rows = evenLog(1000).map((row, index) => ({
      ...row,
      propensity: row.propensity / 2,
      ...(index % 4 < 2 ? { arm: `only in the log ${index % 8}` } : {}),
    }));
    const result = evaluation(rows);
    expect(result.diagnostics).toMatchObject({ otherArms: 4, candidateArmsServed: 2 });
    expect(result.ips.ok && result.ips.value.meanWeight).toBeCloseTo(1, 12);
  });

  it("may name arms that were never served, with a share of 0", () => {
    expect(reasons(evenLog(1000), { policy: everywhere({ a: 1, b: 0, ghost: 0 }) })).toEqual(fine);
  });

  it("can be asked in between and goes on", () => {
    const log = new OffPolicyLog({ policy });
    for (const row of evenLog(500)) log.add(row);
    expect(log.evaluate().ok).toBe(true);
    for (const row of evenLog(500)) log.add(row);
    const result = log.evaluate();
    expect(result.ok && result.value.diagnostics.rows).toBe(1000);
  });
});

describe("propensities", () => {
  it.each([0, -0.1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 5e-324, 1e-40])(
    "refuses %d with the number of the row, and takes nothing in after it",
    (propensity) => {
      const log = new OffPolicyLog({ policy });
      for (const row of evenLog(200)) log.add(row);
      const first = log.add({ context: "x", arm: "a", propensity, reward: 1 });
      expect(first).toMatchObject(because("bad_propensity", "row 201"));
      expect(log.add({ context: "x", arm: "a", propensity: 0.5, reward: 1 })).toBe(first);
      expect(log.evaluate()).toEqual({ ok: false, refusal: first });
    },
  );

  it("takes what rounding has put above 1 for 1", () => {
    const rows = evenLog(1000).map((row) => ({ ...row, arm: "a", propensity: 1 + 1e-12 }));
    const result = evaluation(rows, { policy: everywhere({ a: 1 }) });
    expect(result.diagnostics.meanWeight).toBe(1);
  });

  it("one of 1e-6 takes 10,000 rows down to an effective sample size of 1, and no estimator that weighs it speaks", () => {
    const rows = outlierLog();
    const result = evaluation(rows);
    expect(result.diagnostics.effectiveSampleSize).toBeLessThan(2);
    for (const estimate of [result.ips, result.snips, result.dr]) {
      expect(estimate).toMatchObject(refusal("no_overlap", /10000 rows .* 1\.0/));
    }
  });

  it("the direct method never weighs that row, switch-DR leaves it to the model and says what that may cost", () => {
    const clean = evaluation(evenLog(10_000));
    const rows = outlierLog();
    const { dm, switchDr } = evaluation(rows);
    if (!dm.ok || !switchDr.ok || !clean.dm.ok) throw new Error("refused");
    expect(dm.value.value).toBeCloseTo(clean.dm.value.value, 3);
    expect(switchDr.value.value).toBeCloseTo(clean.dm.value.value, 3);
    expect(switchDr.value.effectiveSampleSize).toBeGreaterThan(5000);
    expect(switchDr.value.threshold).toBeLessThan(8e5);
    expect(switchDr.value.biasBound).toBeGreaterThan(0);
    expect(switchDr.value.biasBound).toBeLessThan(0.05);
  });

  it("that are half of what they should be are found out by the mean weight", () => {
    const rows = evenLog(10_000).map((row) => ({ ...row, propensity: 0.25 }));
    const { ips, switchDr } = evaluation(rows);
    for (const estimate of [ips, switchDr]) {
      expect(estimate).toMatchObject(refusal("no_overlap", "propensities are too small"));
    }
  });

  it("that leave no room for an arm in a context are found out by the mean weight", () => {
    // In y the log serves b only, and says so; the candidate would serve a there in half the cases.
    const rows = evenLog(10_000).map((row) =>
      row.context === "y" ? { ...row, arm: "b", propensity: 1 } : row,
    );
    const both = evaluation(rows, { policy: everywhere({ a: 0.5, b: 0.5 }) });
    expect(both.ips).toMatchObject(refusal("no_overlap", "where the log could not"));
    // A quarter of the candidate's serves would have to be made up by the model.
    expect(both.dm).toMatchObject(refusal("no_overlap", "a share of 0.25"));
    expect(reasonOf(both.switchDr)).toBe("no_overlap");
  });
});

describe("the candidate policy", () => {
  it("must not serve what the log never served: the arms are named, some of them", () => {
    const names = Array.from({ length: 8 }, (_, index) => `ghost-${index}`);
    const shares = Object.fromEntries(names.map((name) => [name, 0.1]));
    const result = evaluation(evenLog(1000), { policy: everywhere({ a: 0.2, ...shares }) });
    for (const estimate of [result.ips, result.snips, result.dm, result.dr, result.switchDr]) {
      expect(estimate).toMatchObject(refusal("unknown_arm", /ghost-0, .*ghost-4 and 3 more$/));
    }
    expect(result.onPolicy.ok).toBe(true);
  });

  it("must say something about every context of the log", () => {
    const result = evaluateOffPolicy(evenLog(10), {
      policy: { arms: ["a"], sharesIn: (context) => (context === "x" ? [1] : undefined) },
    });
    expect(result).toMatchObject(refusal("out_of_range", '"y"'));
  });

  it.each([
    ["shares that add up to less than 1", [0.5, 0.4]],
    ["shares that add up to more", [0.5, 0.6]],
    ["a negative share", [1.2, -0.2]],
    ["a share that is no number", [Number.NaN, 1]],
    ["too few shares", [1]],
  ])("is refused for %s", (_, shares) => {
    const result = evaluateOffPolicy(evenLog(1000), {
      policy: { arms: ["a", "b"], sharesIn: () => shares },
    });
    expect(reasonOf(result)).toBe("out_of_range");
  });
});

describe("too little to go by", () => {
  it("an empty log", () => {
    expect(reasonOf(evaluateOffPolicy([], { policy }))).toBe("empty");
  });

  it("one row", () => {
    const result = evaluation(evenLog(1), { policy: everywhere({ a: 1 }) });
    expect([result.onPolicy, result.ips, result.dm, result.switchDr].map(reasonOf)).toEqual(
      Array.from({ length: 4 }, () => "too_few"),
    );
    expect(result.diagnostics).toMatchObject({ rows: 1, meanWeightStandardError: 0 });
  });

  it("fewer equally weighted rows than asked for", () => {
    expect(reasons(evenLog(60))).toEqual([
      "no_overlap",
      "no_overlap",
      "too_few",
      "no_overlap",
      "no_overlap",
    ]);
    expect(reasons(evenLog(60), { effectiveSampleSizeMin: 20 })).toEqual(fine);
  });

  it("a log that served nothing of the candidate's", () => {
    const rows = evenLog(1000).map((row) => ({
      ...row,
      ...(row.context === "y" ? { arm: "a" } : { arm: "b" }),
    }));
    const opposite = {
      arms: ["a", "b"],
      sharesIn: (context: string) => (context === "x" ? [1, 0] : [0, 1]),
    };
    const result = evaluation(rows, { policy: opposite });
    expect(result.ips).toMatchObject(refusal("no_overlap", "never served an arm"));
    expect(result.diagnostics).toMatchObject({ effectiveSampleSize: 0, unservedShare: 1 });
  });

  it("rewards that are all the same", () => {
    const rows = rewarded(evenLog(1000), () => 0.7);
    const result = evaluation(rows);
    // IPS varies with the weights even then.
    expect([result.onPolicy, result.snips, result.dm, result.dr].map(reasonOf)).toEqual(
      Array.from({ length: 4 }, () => "zero_variance"),
    );
    expect(result.ips.ok && result.ips.value.value).toBeCloseTo(0.7, 2);
  });

  it("a single success: one row would be the whole standard error", () => {
    const rows = rewarded(evenLog(1000), (index) => (index === 500 ? 1 : 0));
    const result = evaluation(rows);
    expect(result.diagnostics.standardErrorRows).toBeCloseTo(1, 1);
    expect([result.ips, result.snips, result.dr].map(reasonOf)).toEqual(
      Array.from({ length: 3 }, () => "too_few"),
    );
  });

  it("counts about as many rows behind the standard error as there are rare successes", () => {
    const rows = rewarded(evenLog(10_000), (index) => (index % 250 === 0 ? 1 : 0));
    const { diagnostics } = evaluation(rows, { policy: everywhere({ a: 0.5, b: 0.5 }) });
    expect(diagnostics.standardErrorRows).toBeGreaterThan(38);
    expect(diagnostics.standardErrorRows).toBeLessThan(42);
  });
});

describe("numbers that are none", () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "a reward of %d",
    (reward) => {
      const rows = [...evenLog(200), { context: "x", arm: "a", propensity: 0.5, reward }];
      expect(evaluateOffPolicy(rows, { policy })).toMatchObject(refusal("not_finite", "row 201"));
    },
  );

  it("rewards whose squares overflow", () => {
    const rows = rewarded(evenLog(200), (index) => (index % 2 === 0 ? 1e300 : -1e300));
    expect(reasonOf(evaluateOffPolicy(rows, { policy }))).toBe("not_finite");
  });

  it.each([
    ["level", { level: 0 }],
    ["level", { level: 1 }],
    ["level", { level: Number.NaN }],
    ["least effective sample size", { effectiveSampleSizeMin: 0 }],
    ["least effective sample size", { effectiveSampleSizeMin: Number.NaN }],
    ["folds", { folds: 1 }],
    ["folds", { folds: 2.5 }],
    ["folds", { folds: Number.NaN }],
    ["shrinkage", { shrinkage: 0 }],
    ["shrinkage", { shrinkage: Number.POSITIVE_INFINITY }],
    ["threshold", { threshold: 0 }],
    ["threshold", { threshold: Number.NaN }],
  ])("a %s out of range", (name, options) => {
    expect(evaluateOffPolicy(evenLog(200), { policy, ...options })).toMatchObject(
      refusal("out_of_range", name),
    );
  });
});

/** Adds rows until one is refused. @returns why, and how many there were */
function addUntilRefused(log: OffPolicyLog, rowOf: (index: number) => Partial<LoggedRow>) {
  const row = { context: "", arm: "a", propensity: 1, reward: 0 };
  for (let rows = 1; rows <= 1_000_000; rows += 1) {
    const refused = log.add({ ...row, ...rowOf(rows - 1) });
    if (refused !== undefined) return { rows, refused };
  }
  throw new Error("nothing was refused");
}

describe("what memory is for", () => {
  it("a context for nearly every row is refused, not kept", () => {
    const log = new OffPolicyLog({ policy: everywhere({ a: 1 }) });
    const { rows, refused } = addUntilRefused(log, (index) => ({ context: `user ${index}` }));
    expect(refused).toMatchObject(because("out_of_range", "contexts"));
    expect(rows).toBe(100_001);
  });

  it("more combinations of context, arm and fold than there is room for are refused", () => {
    const arms = Array.from({ length: 60 }, (_, arm) => `arm ${arm}`);
    const shares = arms.map(() => 1 / arms.length);
    const log = new OffPolicyLog({ policy: { arms, sharesIn: () => shares } });
    const { rows, refused } = addUntilRefused(log, (index) => {
      const context = `x ${Math.floor(index / 60)}`;
      return { context, arm: arms[index % 60] as string, propensity: 0.1 };
    });
    expect(refused).toMatchObject(because("out_of_range", "combinations"));
    expect(rows).toBe(500_001);
  });

  it("more pairs of context and candidate arm than can be looked at are refused", () => {
    const arms = Array.from({ length: 1_000_000 }, (_, arm) => `arm ${arm}`);
    const shares = arms.map((_, arm) => (arm === 0 ? 1 : 0));
    const log = new OffPolicyLog({ policy: { arms, sharesIn: () => shares } });
    const refusals = Array.from({ length: 6 }, (_, row) =>
      log.add({ context: `x ${row}`, arm: "arm 0", propensity: 1, reward: 0 }),
    );
    expect(refusals.slice(0, 5)).toEqual(Array.from({ length: 5 }));
    expect(refusals[5]).toMatchObject(because("out_of_range", "pairs"));
  });

  it("an arm for nearly every row is refused, not kept", () => {
    const log = new OffPolicyLog({ policy: everywhere({ a: 1 }) });
    const { refused } = addUntilRefused(log, (index) => ({ arm: `request ${index}` }));
    expect(refused).toMatchObject(because("out_of_range", "column of arms"));
  });
});
