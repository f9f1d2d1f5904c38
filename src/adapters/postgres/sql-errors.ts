import { BanditError } from "../../domain/errors.ts";

/** What both drivers say about an error that the database itself reported. */
export interface DatabaseFailure {
  readonly message: string;
  /** SQLSTATE. */
  readonly code?: string | undefined;
  readonly constraint?: string | undefined;
}

/** The error that the catalogue's callers see. Anything without an SQLSTATE is a lost or refused connection. */
export function translateSqlError(cause: unknown): BanditError {
  if (cause instanceof BanditError) return cause;
  const { code, constraint } = describeFailure(cause);
  switch (code) {
    case "23505":
      return constraint === "prompt_variant_one_baseline"
        ? new BanditError("aborted", "another variant is the baseline by now", {
            reason: "BASELINE_CONFLICT",
            cause,
          })
        : new BanditError("already_exists", "it exists already", {
            reason: "ALREADY_EXISTS",
            cause,
          });
    case "23503":
      return new BanditError("not_found", `${missingResource(constraint)} does not exist`, {
        reason: "NOT_FOUND",
        cause,
      });
    case "40001":
    case "40P01":
      return new BanditError("aborted", "somebody else changed the catalogue at the same time", {
        reason: "CONCURRENT_CHANGE",
        cause,
      });
    case "42P01":
    case "42703":
      return new BanditError(
        "failed_precondition",
        "the catalogue's schema is not up to date: run `banditd migrate`",
        { reason: "SCHEMA_NOT_MIGRATED", cause },
      );
    default:
  }
  const errorClass = code?.slice(0, 2);
  if (errorClass === "22" || errorClass === "23") {
    return new BanditError("invalid_argument", "the catalogue refused a value", {
      reason: "VALUE_REFUSED",
      cause,
      ...(constraint === undefined ? {} : { metadata: { constraint } }),
    });
  }
  // 08 connection, 28 authorisation, 3D no such database, 53 resources, 55 lock, 57 operator or timeout, 58 system
  const outages = ["08", "28", "3D", "53", "55", "57", "58"];
  if (errorClass === undefined || outages.includes(errorClass)) return unavailable(cause);
  return new BanditError("internal", "the catalogue failed", { reason: "CATALOGUE_FAILED", cause });
}

export function unavailable(cause: unknown): BanditError {
  return new BanditError("unavailable", "the catalogue cannot be reached", {
    reason: "CATALOGUE_UNAVAILABLE",
    cause,
  });
}

function missingResource(constraint: string | undefined): string {
  return constraint === "prompt_variant_parent_id_fkey" ? "the parent variant" : "the agent type";
}

function describeFailure(cause: unknown): Partial<DatabaseFailure> {
  if (typeof cause !== "object" || cause === null || !("code" in cause)) return {};
  const { code } = cause;
  // Sockets fail with codes too (ECONNREFUSED); an SQLSTATE has five characters, one of them a digit.
  if (typeof code !== "string" || !/^(?=.*\d)[0-9A-Z]{5}$/.test(code)) return {};
  const constraint = "constraint" in cause ? cause.constraint : undefined;
  return { code, ...(typeof constraint === "string" ? { constraint } : {}) };
}
