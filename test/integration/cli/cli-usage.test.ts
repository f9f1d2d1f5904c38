import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { words } from "../../support/words.ts";
import { banditd, outputOf } from "./cli-process.ts";

const directory = temporaryDirectory();
const table = join(directory, "table.csv");
writeFileSync(table, "kind,a_ok,b_ok\nlaw,1,0\nart,0.5,2\n");

const simulate = (...args: string[]) => ["simulate", table, "--agent-type", "t", ...args];
const create = (...args: string[]) => [
  ...words("variants create --agent-type a --name n"),
  ...args,
];
const ofKind = (...args: string[]) => simulate("--code-type", "kind", ...args);
const arms = ["--arm", "a=a_ok", "--arm", "b=b_ok:1"];

describe("the command line without a service", () => {
  it.each([
    ["--help"],
    ["serve", "--help"],
    ["simulate", "--help"],
    ["variants", "create", "--help"],
  ])("prints help on standard output and exits with 0: %s %s %s", async (...args) => {
    expect(await outputOf(args)).toContain("Usage: banditd");
  });

  // And says nothing about experimental features of Node.
  it("prints the version of package.json", async () => {
    expect(await outputOf(["--version"])).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    ["a user's cache directory", () => directory, true],
    ["a cache directory that cannot be written", () => "/dev/null", false],
    ["none at all", () => "/proc/none", false],
  ])("runs with %s for compiled code", async (_, caches, kept) => {
    const environment = { NODE_COMPILE_CACHE: undefined, XDG_CACHE_HOME: caches() };
    await outputOf(["--version"], { environment });
    expect(existsSync(join(caches(), "banditd"))).toBe(kept);
  });

  it.each<[string, string[], string]>([
    ["no command", [], "Usage: banditd"],
    ["an unknown command", ["fly"], "unknown command 'fly'"],
    ["an unknown option", ["mode", "--fast"], "unknown option '--fast'"],
    ["an impossible mode", ["mode", "sleepy"], "Allowed choices are learning, frozen, static"],
    ["a port out of range", ["serve", "--grpc-port", "70000"], "whole number from 0 to 65535"],
    ["two places", ["mode", "--address", "a:1", "--data-dir", "b"], "exclude each other"],
    ["a directory that is not there", ["mode", "--data-dir", "/no/such"], "no directory /no/such"],
    ["no SQL", ["query", " "], "SQL statement is empty"],
    ["JSON and CSV", ["query", "select 1", "--json", "--csv"], "exclude each other"],
    ["no template", create(), "either --template or --template-file"],
    [
      "a template file that is not there",
      create("--template-file", "/no/such"),
      "there is no file /no/such",
    ],
    [
      "parameters that are no object",
      create("--template", "x", "--parameters", "[]"),
      "must be a JSON object",
    ],
    ["a missing option", ofKind(), "--arm"],
    ["one arm", ofKind("--arm", "a=a_ok"), "one arm is no choice"],
    ["arm syntax", ofKind("--arm", "a", "--arm", "b=b_ok"), "NAME=COLUMN"],
    ["a cost above 1", ofKind("--arm", "a=a_ok:2", "--arm", "b=b_ok"), "between 0 and 1"],
    ["a cost weight above 1", ofKind(...arms, "--cost-weight", "2"), "from 0 to 1"],
    [
      "a code type column that is not there",
      simulate("--code-type", "sort", ...arms),
      'no column "sort"',
    ],
    ["an outcome out of range", ofKind(...arms), 'line 3: column "b_ok" holds "2"'],
    [
      "an agent type that cannot be",
      ["simulate", table, "--agent-type", "No Way", "--code-type", "kind", ...arms],
      "--agent-type",
    ],
    [
      "a file that is not there",
      ["simulate", "/no/such.csv", "--agent-type", "t", "--code-type", "kind", ...arms],
      "there is no file /no/such.csv",
    ],
  ])("exits with 2 for %s", async (_, args, message) => {
    const { exitCode, stdout, stderr } = await banditd(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  it("exits with 4 where nobody listens, and says how to start one", async () => {
    const { exitCode, stderr } = await banditd(["mode", "--address", "localhost:1"]);
    expect(exitCode).toBe(4);
    expect(stderr).toBe(
      "banditd: no banditd answers at localhost:1; start one with `npm start`, or pass --address / --data-dir\n",
    );
  });

  it("names every environment variable that is wrong", async () => {
    const { exitCode, stderr } = await banditd(["serve"], {
      environment: { BANDIT_GRPC_PORT: "many", BANDIT_DATA_DIR: directory },
    });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("BANDIT_GRPC_PORT");
  });

  // Only where an older Node is installed beside the one that runs the tests.
  if (existsSync("/usr/bin/node")) {
    it("runs under an older Node by starting the shipped one, and ends as that ends", async () => {
      const version = await banditd(["--version"], { node: "/usr/bin/node" });
      expect(version).toMatchObject({ exitCode: 0, stderr: "" });
      const wrong = await banditd(["fly"], { node: "/usr/bin/node" });
      expect(wrong.exitCode).toBe(2);
    });
  }
});
