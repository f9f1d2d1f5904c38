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
  ])("a query that meets %s is %s", (type, code) => {
    expect(queryError(engineError(type), 1_000)).toMatchObject({ code });
  });

  test.each([
    ["MEMORY_LIMIT_EXCEEDED", "resource_exhausted"],
    ["TIMEOUT_EXCEEDED", "unavailable"],
    ["UNKNOWN_TABLE", "unavailable"],
  ])("a list that meets %s is %s", (type, code) => {
    expect(listError(engineError(type))).toMatchObject({ code });
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
