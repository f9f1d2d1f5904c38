import { expect, test } from "vitest";
import { translateSqlError } from "../../../../src/adapters/postgres/sql-errors.ts";
import { BanditError } from "../../../../src/domain/errors.ts";

function driverError(fields: Record<string, unknown>): Error {
  return Object.assign(new Error("what the driver says: password=secret"), fields);
}

test.each([
  [{ code: "23505", constraint: "agent_type_pkey" }, "already_exists"],
  [{ code: "23505", constraint: "prompt_variant_one_baseline" }, "aborted"],
  [{ code: "23503" }, "not_found"],
  [{ code: "23514" }, "invalid_argument"],
  [{ code: "22P02" }, "invalid_argument"],
  [{ code: "25006" }, "unavailable"],
  [{ code: "25P03" }, "unavailable"],
  [{ code: "40001" }, "aborted"],
  [{ code: "40003" }, "unavailable"],
  [{ code: "40P01" }, "aborted"],
  [{ code: "42P01" }, "failed_precondition"],
  [{ code: "57014" }, "unavailable"],
  [{ code: "57P01" }, "unavailable"],
  [{ code: "57P02" }, "unavailable"],
  [{ code: "57P03" }, "unavailable"],
  [{ code: "53100" }, "unavailable"],
  [{ code: "42501" }, "unavailable"],
  [{ code: "55P03" }, "unavailable"],
  [{ code: "53300" }, "unavailable"],
  [{ code: "28P01" }, "unavailable"],
  [{ code: "3D000" }, "unavailable"],
  [{ code: "08006" }, "unavailable"],
  [{ code: "42601" }, "internal"],
  [{ code: "ECONNREFUSED" }, "unavailable"],
  [{ code: "EPIPE" }, "unavailable"],
  [{}, "unavailable"],
])("%o becomes %s, with the driver's words in the cause only", (fields, code) => {
  const cause = driverError(fields);
  const error = translateSqlError(cause);
  expect(error.code).toBe(code);
  expect(error.cause).toBe(cause);
  expect(error.message).not.toContain("secret");
  // A caller that is told to come again is told when.
  if (["unavailable", "aborted"].includes(code) && error.reason !== "BASELINE_CONFLICT") {
    expect(error.retryAfterMs).toBeGreaterThan(0);
  }
});

test.each([
  ["25006", "CATALOGUE_READ_ONLY"],
  ["28P01", "CATALOGUE_ACCESS_DENIED"],
  ["3D000", "CATALOGUE_ACCESS_DENIED"],
  ["42501", "CATALOGUE_ACCESS_DENIED"],
  ["53300", "CATALOGUE_UNAVAILABLE"],
])("SQLSTATE %s is %s", (code, reason) => {
  expect(translateSqlError(driverError({ code })).reason).toBe(reason);
});

test("an error that is translated already stays as it is", () => {
  const error = new BanditError("aborted", "x", { reason: "X" });
  expect(translateSqlError(error)).toBe(error);
});
