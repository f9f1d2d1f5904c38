import { ClickHouseError } from "@clickhouse/client";
import { describe, expect, test } from "vitest";
import {
  appendError,
  listError,
  queryError,
} from "../../../../src/adapters/clickhouse/clickhouse-errors.ts";

const engineError = (type: string, message = "text") =>
  new ClickHouseError({ message, code: "1", type });

describe("errors of the engine", () => {
  test.each([
    ["CANNOT_PARSE_UUID", "invalid_argument"],
    ["TOO_MANY_PARTS", "unavailable"],
    ["TABLE_IS_READ_ONLY", "unavailable"],
    ["MEMORY_LIMIT_EXCEEDED", "unavailable"],
    ["TIMEOUT_EXCEEDED", "unavailable"],
    ["READONLY", "unavailable"],
    ["UNKNOWN_TABLE", "unavailable"],
    ["AUTHENTICATION_FAILED", "unavailable"],
    ["AN_ERROR_OF_THE_FUTURE", "unavailable"],
  ])("an append that meets %s is %s", (type, code) => {
    expect(appendError(engineError(type))).toMatchObject({ code });
  });

  test.each([
    ["SYNTAX_ERROR", "invalid_argument"],
    ["AN_ERROR_OF_THE_FUTURE", "invalid_argument"],
    ["READONLY", "invalid_argument"],
    ["MEMORY_LIMIT_EXCEEDED", "resource_exhausted"],
    ["TIMEOUT_EXCEEDED", "deadline_exceeded"],
    ["TOO_MANY_SIMULTANEOUS_QUERIES", "unavailable"],
    ["TABLE_IS_READ_ONLY", "unavailable"],
    ["SERVER_OVERLOADED", "unavailable"],
    ["AUTHENTICATION_FAILED", "unavailable"],
  ])("a query that meets %s is %s", (type, code) => {
    expect(queryError(engineError(type), 1_000)).toMatchObject({ code });
  });

  test.each([
    ["MEMORY_LIMIT_EXCEEDED", "resource_exhausted"],
    ["TIMEOUT_EXCEEDED", "unavailable"],
    ["TOO_SLOW", "unavailable"],
    ["TABLE_IS_READ_ONLY", "unavailable"],
    ["UNKNOWN_TABLE", "unavailable"],
  ])("a list that meets %s is %s", (type, code) => {
    expect(listError(engineError(type))).toMatchObject({ code });
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
