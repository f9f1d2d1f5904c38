import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configReference, readConfig } from "../../../src/app/config.ts";
import { banditErrorOf } from "../../support/bandit-error-of.ts";

const page = readFileSync(
  join(import.meta.dirname, "../../../docs/operating/configuration.md"),
  "utf8",
);

const violationsOf = (environment: NodeJS.ProcessEnv) =>
  banditErrorOf(() => readConfig({}, environment))?.violations ?? [];

/** That of the field, if it has a problem. */
const expected = (field: string, problem: string | undefined) =>
  problem === undefined ? [] : [{ field, description: expect.stringContaining(problem) }];

describe("configuration", () => {
  it("needs no variable at all", () => {
    const options = readConfig({}, {});
    expect(options).toMatchObject({ dataDir: "./data", grpcPort: 50_051, httpPort: 8080 });
    expect(options.redisUrl).toBeUndefined();
  });

  it("takes the command line before the environment, and an empty variable as absent", () => {
    const environment = { BANDIT_GRPC_PORT: "7000", BANDIT_HTTP_PORT: "7001", REDIS_URL: "" };
    const options = readConfig({ grpcPort: 0 }, environment);
    expect(options).toMatchObject({ grpcPort: 0, httpPort: 7001 });
    expect(options.redisUrl).toBeUndefined();
  });

  it("names every wrong variable in one error", () => {
    const wrong = { BANDIT_GRPC_PORT: "x", REDIS_URL: "http://a", BANDIT_SEED: "perhaps" };
    const fields = violationsOf(wrong).map(({ field }) => field);
    expect(fields.sort()).toEqual(["BANDIT_GRPC_PORT", "BANDIT_SEED", "REDIS_URL"]);
  });

  it.each([" ", "8080 ", "0x50", "1e3", "8,080", "+80", "80.0", "NaN", "-1", "65536"])(
    "takes a number in decimal digits only, and not %j",
    (text) => {
      expect(violationsOf({ BANDIT_GRPC_PORT: text, BANDIT_RATE_LIMIT_PER_SECOND: "0x5" })).toEqual(
        [
          ...expected("BANDIT_GRPC_PORT", "must be a whole number from 0 to 65535"),
          ...expected("BANDIT_RATE_LIMIT_PER_SECOND", "must be a number from 0 to 1000000"),
        ],
      );
      expect(readConfig({}, { BANDIT_RATE_LIMIT_PER_SECOND: "2.5" }).rateLimitPerSecond).toBe(2.5);
    },
  );

  it.each([
    ["redis://host/abc", "number of a database"],
    ["redis://host/2/3", "number of a database"],
    ["redis://host/-1", "number of a database"],
    ["redis://host/1?", undefined],
    ["redis://host?db=99", "no options"],
    ["rediss://host/1?tls=false", "no options"],
    ["redis://user:p/w@host", "percent-encoded"],
    ["redis://user:12/w@host", "number of a database"],
    ["redis://user:12#w@host", "percent-encoded"],
    ["redis://user:%zz@host", "percent-encoded"],
    ["redis:///1", "host"],
    ["redis://", "host"],
    ["redis://host", undefined],
    ["redis://host/", undefined],
    ["rediss://user:p%2Fw@host:6380/15", undefined],
    ["redis://[::1]:6379/0", undefined],
    ["redis://a:1,redis://b:1", undefined],
    ["redis://a:1, redis://b:1/0", undefined],
    ["redis://a:1,b:1", "must start with"],
    ["redis://a:1,redis://b:1/3", "database 0 only"],
    ["redis://a:1,rediss://b:1", "same scheme"],
    ["redis://u:p@a:1,redis://b:1", "same scheme, user and password"],
    ["redis://a:1,", "must start with"],
  ])("REDIS_URL=%s: %s", (url, problem) => {
    expect(violationsOf({ REDIS_URL: url, BANDIT_HTTP_PORT: "x" })).toEqual([
      expect.objectContaining({ field: "BANDIT_HTTP_PORT" }),
      ...expected("REDIS_URL", problem),
    ]);
  });

  it("refuses a database other than 0 of a cluster", () => {
    const cluster = { BANDIT_REDIS_CLUSTER: "1" };
    expect(violationsOf({ ...cluster, REDIS_URL: "redis://a/0" })).toEqual([]);
    expect(violationsOf({ ...cluster, REDIS_URL: "redis://a/1" })).toHaveLength(1);
  });

  it.each([
    ["http://host:8123", undefined],
    ["https://user:p%2Fw@host:8443/events_2", undefined],
    ["http://host/a%60b", "name of a database"],
    ["http://host/a/b", "name of a database"],
    ["http://host/2a", "name of a database"],
    [`http://host/${"a".repeat(65)}`, "name of a database"],
    ["http://host/a?wait_end_of_query=0", "no options"],
    ["postgres://host/a", "must start with"],
  ])("CLICKHOUSE_URL=%s: %s", (url, problem) => {
    expect(violationsOf({ CLICKHOUSE_URL: url })).toEqual(expected("CLICKHOUSE_URL", problem));
  });

  it.each(["DATABASE_URL", "CLICKHOUSE_URL"])(
    "%s says what to encode, not what it held",
    (name) => {
      const scheme = name === "DATABASE_URL" ? "postgres" : "http";
      expect(violationsOf({ [name]: `${scheme}://user:se/cret@host/db` })).toEqual([
        { field: name, description: expect.stringMatching(/^(?!.*cret).*percent-encoded/) },
      ]);
    },
  );

  it("is documented variable by variable, and nothing else is", () => {
    const documented = [...page.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name);
    expect(documented).toEqual(configReference().map(({ name }) => name));
    for (const { fallback, description } of configReference()) {
      expect(page).toContain(`| ${fallback === "" ? "" : `\`${fallback}\``} | ${description} |`);
    }
  });
});
