import { expect, test } from "vitest";
import { translateSqlError } from "../../../../src/adapters/postgres/sql-errors.ts";
import { BanditError } from "../../../../src/domain/errors.ts";

function driverError(fields: Record<string, unknown>): Error {
  return Object.assign(new Error("what the driver says: password=secret"), fields);
}

test.each<[Record<string, string>, BanditError["code"], string?]>([
  [{ code: "23505", constraint: "agent_type_pkey" }, "already_exists"],
  [{ code: "23505", constraint: "prompt_variant_one_baseline" }, "aborted"],
  [{ code: "23503" }, "not_found"],
  [{ code: "23514" }, "invalid_argument"],
  [{ code: "22P02" }, "invalid_argument"],
  [{ code: "25006" }, "unavailable", "CATALOGUE_READ_ONLY"],
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
  [{ code: "42501" }, "unavailable", "CATALOGUE_ACCESS_DENIED"],
  [{ code: "55P03" }, "unavailable"],
  [{ code: "53300" }, "unavailable", "CATALOGUE_UNAVAILABLE"],
  [{ code: "28P01" }, "unavailable", "CATALOGUE_ACCESS_DENIED"],
  [{ code: "3D000" }, "unavailable", "CATALOGUE_ACCESS_DENIED"],
  [{ code: "08006" }, "unavailable"],
  [{ code: "42601" }, "internal"],
  [{ code: "ECONNREFUSED" }, "unavailable"],
  [{ code: "EPIPE" }, "unavailable"],
  [{}, "unavailable"],
])("%o becomes %s, with the driver's words in the cause only", (fields, code, reason) => {
  const cause = driverError(fields);
  const error = translateSqlError(cause);
  expect(error.code).toBe(code);
  if (reason !== undefined) expect(error.reason).toBe(reason);
  expect(error.cause).toBe(cause);
  expect(error.message).not.toContain("secret");
  // A caller that is told to come again is told when.
  if (["unavailable", "aborted"].includes(code) && error.reason !== "BASELINE_CONFLICT") {
    expect(error.retryAfterMs).toBeGreaterThan(0);
  }
});

test("an error that is translated already stays as it is", () => {
  const error = new BanditError("aborted", "x", { reason: "X" });
  expect(translateSqlError(error)).toBe(error);
});
