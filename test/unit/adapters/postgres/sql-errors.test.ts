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
  [{ code: "40001" }, "aborted"],
  [{ code: "40P01" }, "aborted"],
  [{ code: "42P01" }, "failed_precondition"],
  [{ code: "57014" }, "unavailable"],
  [{ code: "57P01" }, "unavailable"],
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
});

test("an error that is translated already stays as it is", () => {
  const error = new BanditError("aborted", "x", { reason: "X" });
  expect(translateSqlError(error)).toBe(error);
});
