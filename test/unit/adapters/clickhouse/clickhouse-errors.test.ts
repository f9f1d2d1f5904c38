import { ClickHouseError } from "@clickhouse/client";
import { describe, expect, test } from "vitest";
import {
  appendError,
  listError,
  queryError,
} from "../../../../src/adapters/clickhouse/clickhouse-errors.ts";
import type { BanditError } from "../../../../src/domain/errors.ts";

const engineError = (type: string, message = "text") =>
  new ClickHouseError({ message, code: "1", type });

const exhausted = "resource_exhausted";

describe("errors of the engine", () => {
  const translations: Readonly<Record<string, (error: unknown) => BanditError>> = {
    append: appendError,
    query: (error) => queryError(error, 1_000),
    list: listError,
  };

  test.each([
    ["CANNOT_PARSE_UUID", { append: "invalid_argument" }],
    ["SYNTAX_ERROR", { query: "invalid_argument" }],
    ["AN_ERROR_OF_THE_FUTURE", { append: "unavailable", query: "invalid_argument" }],
    ["READONLY", { append: "unavailable", query: "invalid_argument" }],
    ["MEMORY_LIMIT_EXCEEDED", { append: "unavailable", query: exhausted, list: exhausted }],
    [
      "TIMEOUT_EXCEEDED",
      { append: "unavailable", query: "deadline_exceeded", list: "unavailable" },
    ],
    ["TOO_MANY_PARTS", { append: "unavailable" }],
    ["TOO_SLOW", { list: "unavailable" }],
    ["TOO_MANY_SIMULTANEOUS_QUERIES", { query: "unavailable" }],
    ["SERVER_OVERLOADED", { query: "unavailable" }],
    ["UNKNOWN_TABLE", { append: "unavailable", list: "unavailable" }],
    ["AUTHENTICATION_FAILED", { append: "unavailable", query: "unavailable" }],
    ["TABLE_IS_READ_ONLY", { append: "unavailable", query: "unavailable", list: "unavailable" }],
  ])("%s is %o", (type, codes) => {
    for (const [call, code] of Object.entries(codes)) {
      expect(translations[call]?.(engineError(type))).toMatchObject({ code });
    }
  });

  test("memory that the whole server lacks is an outage, memory that one statement lacks is not", () => {
    const full = (scope: string) =>
      engineError("MEMORY_LIMIT_EXCEEDED", `Memory limit (${scope}) exceeded: would use 9 GiB`);
    for (const translate of [listError, (error: unknown) => queryError(error, 1_000)]) {
      expect(translate(full("for query"))).toMatchObject({ code: "resource_exhausted" });
      expect(translate(full("total"))).toMatchObject({ code: "unavailable" });
      expect(translate(full("for user"))).toMatchObject({ code: "unavailable" });
    }
  });

  test.each(["AUTHENTICATION_FAILED", "REQUIRED_PASSWORD", "READONLY", "ACCESS_DENIED"])(
    "%s is no outage, and the error says what to correct",
    (type) => {
      expect(appendError(engineError(type))).toMatchObject({
        reason: "EVENT_LOG_ACCESS_DENIED",
        message: expect.stringMatching(`${type}.*CLICKHOUSE_URL`),
      });
    },
  );

  test("an outage is told by the engine's name for it, and when to come again", () => {
    expect(appendError(engineError("TOO_MANY_PARTS"))).toMatchObject({
      reason: "EVENT_LOG_UNAVAILABLE",
      message: expect.stringContaining("TOO_MANY_PARTS"),
      retryAfterMs: expect.any(Number),
    });
  });

  test("what is no error of the engine is unavailable, its words kept for the log only", () => {
    const error = appendError(new Error("connect ECONNREFUSED 10.0.0.7:8123"));
    expect(error).toMatchObject({ code: "unavailable", cause: expect.any(Error) });
    expect(error.message).not.toContain("10.0.0.7");
  });

  test("a row's content never gets into the message", () => {
    expect(appendError(engineError("INCORRECT_DATA", "row: secret")).message).not.toContain(
      "secret",
    );
  });

  test("the column of a refused row is the last one named: what comes before it may be the row's own text", () => {
    const message =
      "Cannot parse input before: '(while reading the value of key mine)': (while reading the value of key late): (at row 1)";
    expect(
      appendError(engineError("CANNOT_PARSE_INPUT_ASSERTION_FAILED", message)).metadata,
    ).toEqual({
      engine_error: "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
      column: "late",
    });
  });

  test("the words of an unknown error, which may be the row's, are not kept for the log; those of a known one are", () => {
    const unknown = appendError(engineError("AN_ERROR_OF_THE_FUTURE", "row: secret"));
    expect(String(unknown.cause)).toContain("AN_ERROR_OF_THE_FUTURE");
    expect(String(unknown.cause)).not.toContain("secret");
    expect(String(appendError(engineError("TOO_MANY_PARTS", "300 parts")).cause)).toContain(
      "300 parts",
    );
  });

  test("a message of 100 KB is cut", () => {
    expect(
      queryError(engineError("SYNTAX_ERROR", "x".repeat(100_000)), 1).message.length,
    ).toBeLessThan(2_100);
  });
});
