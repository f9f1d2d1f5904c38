import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readReference } from "../../../fixtures/reference/read-reference.ts";
import { words } from "../../../support/words.ts";
import { answerOf, expectUsageError, fileWriter, runInProcess } from "../run-in-process.ts";

const file = fileWriter();

/** The policy is the first of the arguments, and is written to a file. */
const offPolicy = (policy: object, ...args: string[]) =>
  runInProcess(["off-policy", "--policy", file(policy), ...args]);
const reportOf = (policy: object, ...args: string[]) =>
  answerOf(["off-policy", "--policy", file(policy), ...args]);

describe("off-policy on a file", () => {
  const header = "variant_id,propensity,reward";
  const two = [header, "a,0.5,1", "b,0.5,0"];
  const onlyA = { shares: { a: 1 } };

  it.each([
    ["", "either --log (a file), or --from or --last"],
    ["--log x.csv --from 2026-01-01", "either --log"],
    ["--from 2026-01-01", "--agent-type is needed for a service's log"],
    ["--from today --last 7d", "either --log"],
    ["--last 7d --to today", "--to belongs to --from"],
    ["--last 7d --agent-type a --attribution-window 1h", "--attribution-window belongs to --log"],
    ["--log TWO --attribution-window 1h", 'there is no column "decided_at"'],
    ["--log TWO --missing zero --include-open-windows", "cannot go with --missing zero"],
    ["--from 2026-01-01 --agent-type a'", "--agent-type"],
    ["--from 2026-01-01 --agent-type a --code-type x'", "--code-type"],
    ["--from tomorrow --agent-type a", "a time such as"],
    ["--log TWO --address localhost:1", "--address belongs to --from"],
    ["--from 2026-01-01 --agent-type a --reward-column r", "--reward-column belongs to --log"],
    ["--log /no/such.csv", "there is no file /no/such.csv"],
    ["--log TWO --estimator magic", "Allowed choices are ips, snips, dm, dr, switch-dr"],
    ["--log TWO --level 1", "a number from 0.01 to 0.9999"],
    ["--log TWO --context-columns a,a", "different names"],
    ["--log TWO --policy /no/such.json", "/no/such.json"],
    ["--log TWO --policy HALF", "shares: the shares add up to 0.5"],
  ])("exits with 2 for %s", (args, message) => {
    const paths = { TWO: file(two), HALF: file({ shares: { a: 0.5 } }) };
    const given = args.replace("TWO", paths.TWO).replace("HALF", paths.HALF).split(" ");
    const policy = ["--policy", file(onlyA)];
    return expectUsageError(["off-policy", ...policy, ...given.filter(Boolean)], message);
  });

  it("reads the policy from standard input", async () => {
    const rows = Array.from({ length: 300 }, (_, row) => `${row % 2 ? "a" : "b"},0.5,${row % 3}`);
    const args = ["off-policy", "--policy", "-", "--log", file([header, ...rows])];
    expect(await answerOf(args, '{"uniform": true}')).toMatchObject({
      policy: "-",
      on_policy: { value: expect.closeTo(1, 12) },
      estimates: { ips: { value: expect.closeTo(1, 12) } },
    });
  });

  it.each([
    ["no row", [header], "empty"],
    ["a propensity of 0", [...two, "a,0,1"], "bad_propensity"],
    ["a propensity above 1", [...two, "a,1.5,1"], "bad_propensity"],
    ["a reward that overflows", [...two, "a,0.5,1.5e308"], "not_finite"],
    ["too few rows", two, "no_overlap"],
  ])("exits with 1 and a reason for %s", async (_, lines, reason) => {
    const { exitCode, stdout } = await offPolicy(onlyA, "--log", file(lines), "--json");
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout).estimates.ips).toMatchObject({ value: null, refusal: { reason } });
  });

  it("refuses to weigh 10,000 rows by one propensity of 1e-6", async () => {
    const rows = Array.from(
      { length: 10_000 },
      (_, row) => `${row % 2 ? "a" : "b"},${row === 5001 ? 1e-6 : 0.5},${row % 3 === 0 ? 1 : 0}`,
    );
    const log = ["--log", file([header, ...rows])];
    const estimators = words("--estimator ips --estimator snips --estimator dr");
    const policy = { shares: { a: 0.6, b: 0.4 } };
    const { exitCode, stdout } = await offPolicy(policy, ...log, ...estimators);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/effective sample size +1 of 10,000 rows/);
    expect(stdout).toMatch(/No number for ips, snips, dr: 10000 rows say as much as 1\.0/);
  });
});

/** Real logs of two policies; beside the checkout, not part of it. */
const openBandit = join(import.meta.dirname, "../../../../../shared/data/obd");

if (existsSync(openBandit)) {
  describe("off-policy on the Open Bandit Dataset", () => {
    interface Expected {
      readonly value: number;
      readonly standard_error: number;
    }
    const names = ["ips", "snips", "dm", "dr", "switch_dr"] as const;
    const reference = readReference<{
      open_bandit: Readonly<
        Record<
          "bts_shares_on_random" | "uniform_on_bts",
          Readonly<Record<(typeof names)[number], Expected>> & {
            readonly diagnostics: Readonly<Record<string, number>>;
          }
        >
      >;
    }>("off-policy.json").open_bandit;

    /** The Thompson log's shares of the items, by position. */
    function btsShares() {
      const counts = new Map<string, Map<string, number>>();
      const lines = readFileSync(join(openBandit, "men-bts.csv"), "utf8").trim().split("\n");
      for (const line of lines.slice(1)) {
        const [, item = "", position = ""] = line.split(",");
        const items = counts.get(position) ?? new Map<string, number>();
        counts.set(position, items.set(item, (items.get(item) ?? 0) + 1));
      }
      const cells = [...counts].map(([position, items]) => {
        const total = [...items.values()].reduce((sum, count) => sum + count, 0);
        const shares = Object.fromEntries([...items].map(([item, count]) => [item, count / total]));
        return [position, { shares }];
      });
      return { by: ["position"], cells: Object.fromEntries(cells) };
    }

    it.each([
      ["bts_shares_on_random", "men-random.csv", btsShares, 0.0046],
      ["uniform_on_bts", "men-bts.csv", () => ({ uniform: true }), 0.0069],
    ] as const)("%s is what NumPy gives", async (name, log, makePolicy, mean) => {
      const report = await reportOf(makePolicy(), "--log", join(openBandit, log));
      expect(report.rows).toBe(10_000);
      expect(report.on_policy.value).toBeCloseTo(mean, 12);
      for (const estimator of names) {
        const { value, standard_error: error } = report.estimates[estimator];
        const expected = reference[name][estimator];
        expect(Math.abs(value / expected.value - 1)).toBeLessThan(1e-9);
        expect(Math.abs(error / expected.standard_error - 1)).toBeLessThan(1e-9);
      }
      for (const [key, expected] of Object.entries(reference[name].diagnostics)) {
        expect(report.diagnostics[key]).toBeCloseTo(expected, 6);
      }
    });

    it.each([
      ["men-random.csv", btsShares],
      ["men-bts.csv", () => ({ uniform: true })],
    ] as const)("prints what docs/concepts/off-policy.md shows of %s", async (name, makePolicy) => {
      const page = readFileSync(
        join(import.meta.dirname, "../../../../docs/concepts/off-policy.md"),
        "utf8",
      );
      const { stdout } = await offPolicy(makePolicy(), "--log", join(openBandit, name));
      const belowTitle = stdout.slice(stdout.indexOf("\n\n"));
      expect(belowTitle.length).toBeGreaterThan(500);
      expect(page).toContain(belowTitle);
    });

    it("the random policy on its own log is its plain mean", async () => {
      const log = join(openBandit, "men-random.csv");
      const report = await reportOf({ uniform: true }, "--log", log);
      expect(report.estimates.ips.value).toBeCloseTo(0.0046, 12);
      expect(report.estimates.ips.low).toBeCloseTo(report.on_policy.low, 12);
    });

    it("does not tell from the Thompson log what a single item would have earned", async () => {
      const log = ["--log", join(openBandit, "men-bts.csv"), "--estimator", "ips"];
      const { exitCode, stdout } = await offPolicy({ shares: { 9: 1 } }, ...log);
      expect(exitCode).toBe(1);
      expect(stdout).toContain("10000 rows say as much as 43.73 equally weighted ones");
    });
  });
}
