import { describe, expect, it } from "vitest";
import {
  estimatorNames,
  formatOffPolicyReport,
  hasNumber,
  offPolicyReport,
} from "../../../../src/cli/off-policy/off-policy-report.ts";
import type { LoggedRow } from "../../../../src/statistics/off-policy/logged-row.ts";
import { evaluateOffPolicy } from "../../../support/evaluate-off-policy.ts";
import { evenLog, everywhere, outlierLog } from "../../statistics/off-policy/log-samples.ts";

function reportOn(
  rows: readonly LoggedRow[],
  change: Partial<Parameters<typeof offPolicyReport>[0]> = {},
) {
  return offPolicyReport({
    log: "log.csv",
    policy: "shares.json",
    level: 0.95,
    rule: { missing: "drop", includeOpenWindows: false },
    counts: { rows: rows.length, withoutReward: 0, windowOpen: 0, notDrawn: 0 },
    contextColumns: ["kind"],
    estimators: estimatorNames,
    result: evaluateOffPolicy(rows, { policy: everywhere({ a: 0.8, b: 0.2 }) }),
    ...change,
  });
}

describe("the report of an off-policy evaluation", () => {
  it("shows every estimator with its interval, and what the weights are like", () => {
    const text = formatOffPolicyReport(reportOn(evenLog(2000)));
    expect(text).toMatch(
      /^Policy shares.json on the log of log.csv: 2,000 rows, 2 contexts by kind\n/,
    );
    for (const name of ["the log's own mean", ...estimatorNames]) {
      expect(text).toMatch(new RegExp(`^${name} +0\\.\\d+ +0\\.\\d+ to 0\\.\\d+ +0\\.\\d+$`, "m"));
    }
    expect(text).toMatch(/^effective sample size +1,471 of 2,000 rows$/m);
    expect(text).toMatch(/^mean weight \(should be 1\) +1 ± 0\.0\d+$/m);
    expect(text).not.toContain("No number");
    expect(text).not.toContain("cover less");
  });

  it("says in words why there is no number, what switch-dr leaves out, and what was not read", () => {
    const text = formatOffPolicyReport(
      reportOn(outlierLog(), {
        counts: { rows: 10_000, withoutReward: 1234, windowOpen: 9, notDrawn: 5 },
      }),
    );
    expect(text).toMatch(/^ips +– +none: no overlap +–$/m);
    expect(text).toMatch(/No number for ips, snips, dr: 10000 rows say as much as 1\.\d+ equally/);
    expect(text).toMatch(/\(no_overlap\)\.$/m);
    expect(text).toMatch(/^switch-dr leaves weights above [\d,.]+ to the reward model/m);
    expect(text).toMatch(/rest on about 1 row \(/);
    expect(text).toMatch(/^Left out: 1,234 rows without a reward. Harmless only if/m);
    expect(text).toMatch(/^Left out: 9 rows whose attribution window is still open/m);
    expect(text).toMatch(/^Left out: 5 rows that drew no arm/m);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
    const zero = reportOn(evenLog(2000), {
      rule: { missing: "zero", includeOpenWindows: false },
      counts: { rows: 2000, withoutReward: 7, windowOpen: 0, notDrawn: 0 },
    });
    expect(formatOffPolicyReport(zero)).toContain("Counted as 0: 7 rows without a reward.");
  });

  it("is stable as JSON: the same names whether there are numbers or reasons", () => {
    const fine = reportOn(evenLog(2000));
    const refused = reportOn(outlierLog());
    const empty = reportOn([], { result: evaluateOffPolicy([], { policy: everywhere({ a: 1 }) }) });
    for (const report of [refused, empty]) {
      expect(Object.keys(report)).toEqual(Object.keys(fine));
      expect(Object.keys(report.estimates)).toEqual(Object.keys(fine.estimates));
      for (const name of ["ips", "switch_dr"] as const) {
        expect(Object.keys(report.estimates[name] ?? {})).toEqual(
          Object.keys(fine.estimates[name] ?? {}),
        );
      }
    }
    expect(refused.estimates.ips).toMatchObject({ value: null, refusal: { reason: "no_overlap" } });
    expect(refused.estimates.switch_dr).toMatchObject({
      refusal: null,
      bias_bound: expect.any(Number),
    });
    expect(fine.estimates.switch_dr).toMatchObject({ threshold: null, bias_bound: 0 });
    expect(empty).toMatchObject({ diagnostics: null, on_policy: { refusal: { reason: "empty" } } });
    expect([fine, refused, empty].map(hasNumber)).toEqual([true, true, false]);
    expect(JSON.parse(JSON.stringify(fine))).toEqual(fine);
  });

  it("holds only the estimators that were asked for", () => {
    const report = reportOn(evenLog(2000), { estimators: ["dr", "ips"] });
    expect(Object.keys(report.estimates)).toEqual(["ips", "dr"]);
  });

  it("of a log that could not be evaluated at all has one reason for everything", () => {
    const result = evaluateOffPolicy([], { policy: everywhere({ a: 1 }) });
    const text = formatOffPolicyReport(reportOn([], { result, contextColumns: [] }));
    expect(text).toContain("0 rows, no context");
    expect(text).toContain(
      "No number for the log's own mean, ips, snips, dm, dr, switch-dr: the log has no rows (empty).",
    );
  });
});
