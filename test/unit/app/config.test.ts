import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configReference, readConfig } from "../../../src/app/config.ts";
import { BanditError } from "../../../src/domain/errors.ts";

const page = readFileSync(
  join(import.meta.dirname, "../../../docs/operating/configuration.md"),
  "utf8",
);

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
    try {
      readConfig({}, { BANDIT_GRPC_PORT: "x", REDIS_URL: "http://a", BANDIT_SEED: "perhaps" });
      expect.unreachable("was accepted");
    } catch (error) {
      expect(error).toBeInstanceOf(BanditError);
      expect((error as BanditError).violations.map(({ field }) => field).sort()).toEqual([
        "BANDIT_GRPC_PORT",
        "BANDIT_SEED",
        "REDIS_URL",
      ]);
    }
  });

  it("is documented variable by variable, and nothing else is", () => {
    const documented = [...page.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name);
    expect(documented).toEqual(configReference().map(({ name }) => name));
    for (const { fallback, description } of configReference()) {
      expect(page).toContain(`| ${fallback === "" ? "" : `\`${fallback}\``} | ${description} |`);
    }
  });
});
