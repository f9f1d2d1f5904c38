import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readReference } from "../../../fixtures/reference/read-reference.ts";
import { temporaryDirectory } from "../../../support/temporary-directory.ts";
import { words } from "../../../support/words.ts";
import { runInProcess } from "../run-in-process.ts";

const directory = temporaryDirectory();

/** Writes a file for a command and gives its path. */
function file(name: string, content: string | object): string {
  const path = join(directory, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const offPolicy = (args: readonly string[], input = "") =>
  runInProcess(["off-policy", ...args], input);

async function reportOf(...args: string[]) {
  const { exitCode, stdout, stderr } = await offPolicy([...args, "--json"]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout);
}

describe("off-policy on a file", () => {
  const header = "variant_id,propensity,reward\n";
  const two = `${header}a,0.5,1\nb,0.5,0\n`;
  const logOfTwo = () => ["--log", file("two.csv", two)];
  const live = ["--from", "2026-01-01"];

  it.each<[string, () => string[], string]>([
    ["no log", () => [], "either --log (a file) or --from"],
    ["two logs", () => ["--log", "x.csv", "--from", "2026-01-01"], "either --log"],
    ["no agent type", () => ["--from", "2026-01-01"], "--agent-type is needed with --from"],
    [
      "an agent type that cannot be one",
      () => [...live, "--agent-type", "a' OR 1"],
      "--agent-type",
    ],
    [
      "a code type that cannot be one",
      () => [...live, "--agent-type", "a", "--code-type", "x'"],
      "--code-type",
    ],
    ["a time that is none", () => ["--from", "yesterday", "--agent-type", "a"], "a time such as"],
    [
      "an address beside a file",
      () => [...logOfTwo(), "--address", "localhost:1"],
      "--address belongs to --from",
    ],
    [
      "a column beside a service",
      () => [...live, "--agent-type", "a", "--reward-column", "r"],
      "--reward-column belongs to --log",
    ],
    ["a file that is not there", () => ["--log", "/no/such.csv"], "there is no file /no/such.csv"],
    [
      "an estimator that is none",
      () => [...logOfTwo(), "--estimator", "magic"],
      "Allowed choices are ips, snips, dm, dr, switch-dr",
    ],
    ["a level out of range", () => [...logOfTwo(), "--level", "1"], "a number from 0.01 to 0.9999"],
    [
      "the same context twice",
      () => [...logOfTwo(), "--context-columns", "a,a"],
      "different names",
    ],
  ])("exits with 2 for %s", async (_, args, message) => {
    const policy = file("a.json", { shares: { a: 1 } });
    const { exitCode, stdout, stderr } = await offPolicy(["--policy", policy, ...args()]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  it.each([
    ["that is not there", "/no/such.json", "/no/such.json"],
    ["that is no policy", "bad.json", "shares: the shares add up to 0.5"],
  ])("exits with 2 for a policy %s", async (_, name, message) => {
    const path = name.startsWith("/") ? name : file(name, { shares: { a: 0.5 } });
    const { exitCode, stderr } = await offPolicy(["--policy", path, "--log", file("two.csv", two)]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });

  it("reads the policy from standard input", async () => {
    const rows = Array.from({ length: 300 }, (_, row) => `${row % 2 ? "a" : "b"},0.5,${row % 3}`);
    const log = file("even.csv", header + rows.join("\n"));
    const { exitCode, stdout } = await offPolicy(
      ["--policy", "-", "--log", log, "--json"],
      '{"uniform": true}',
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      policy: "-",
      on_policy: { value: expect.closeTo(1, 12) },
      estimates: { ips: { value: expect.closeTo(1, 12) } },
    });
  });

  it.each([
    ["no row", header, "empty"],
    ["a propensity of 0", `${two}a,0,1\n`, "bad_propensity"],
    ["a propensity above 1", `${two}a,1.5,1\n`, "bad_propensity"],
    ["an infinite reward", `${two}a,0.5,Infinity\n`, "not_finite"],
    ["too few rows", two, "no_overlap"],
  ])("exits with 1 and a reason for %s", async (_, content, reason) => {
    const { exitCode, stdout } = await offPolicy([
      "--policy",
      file("a.json", { shares: { a: 1 } }),
      "--log",
      file("odd.csv", content),
      "--json",
    ]);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout).estimates.ips).toMatchObject({ value: null, refusal: { reason } });
  });

  it("refuses to weigh 10,000 rows by one propensity of 1e-6", async () => {
    const rows = Array.from(
      { length: 10_000 },
      (_, row) => `${row % 2 ? "a" : "b"},${row === 5001 ? 1e-6 : 0.5},${row % 3 === 0 ? 1 : 0}`,
    );
    const { exitCode, stdout } = await offPolicy([
      "--policy",
      file("a.json", { shares: { a: 0.6, b: 0.4 } }),
      "--log",
      file("tiny.csv", header + rows.join("\n")),
      ...words("--estimator ips --estimator snips --estimator dr"),
    ]);
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
      const report = await reportOf(
        "--log",
        join(openBandit, log),
        "--policy",
        file("obd.json", makePolicy()),
      );
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
      const policy = file("shares.json", makePolicy());
      const log = join(openBandit, name);
      const { stdout } = await offPolicy(["--log", log, "--policy", policy]);
      const belowTitle = stdout.slice(stdout.indexOf("\n\n"));
      expect(belowTitle.length).toBeGreaterThan(500);
      expect(page).toContain(belowTitle);
    });

    it("the random policy on its own log is its plain mean", async () => {
      const uniform = file("uniform.json", { uniform: true });
      const report = await reportOf(
        "--log",
        join(openBandit, "men-random.csv"),
        "--policy",
        uniform,
      );
      expect(report.estimates.ips.value).toBeCloseTo(0.0046, 12);
      expect(report.estimates.ips.low).toBeCloseTo(report.on_policy.low, 12);
    });

    it("does not tell from the Thompson log what a single item would have earned", async () => {
      const { exitCode, stdout } = await offPolicy([
        "--log",
        join(openBandit, "men-bts.csv"),
        "--policy",
        file("nine.json", { shares: { 9: 1 } }),
        "--estimator",
        "ips",
      ]);
      expect(exitCode).toBe(1);
      expect(stdout).toContain("10000 rows say as much as 43.73 equally weighted ones");
    });
  });
}
