import { BanditError } from "../../domain/errors.ts";

/** What both drivers say about an error that the database itself reported. */
export interface DatabaseFailure {
  readonly message: string;
  /** SQLSTATE. */
  readonly code?: string | undefined;
  readonly constraint?: string | undefined;
}

/** Outages that pass by themselves or by what an operator does at the server, and that do not look like a lost connection. */
const outageClasses = new Set([
  "08", // connection
  "53", // resources: too many connections, disk full, out of memory
  "55", // a lock that is not available, an object that is not ready
  "57", // shutdown, start-up, recovery, a statement that was cancelled or ran out of time
  "58", // system: I/O errors
]);
/** Sessions and transactions that the server ended, and a commit of unknown result. */
const outageCodes = new Set(["25P03", "25P04", "40003"]);
const retryAfterMs = 1_000;
const readOnlyText =
  "the catalogue cannot be changed: its Postgres server is a standby, or was made read-only";
const deniedText =
  "the catalogue's Postgres server refuses this user, password or database: correct DATABASE_URL, or the rights at the server";

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
    case "25006":
      return new BanditError("unavailable", readOnlyText, {
        reason: "CATALOGUE_READ_ONLY",
        metadata: { engine_error: code },
        retryAfterMs,
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
  if (errorClass === "40" && code !== "40003") {
    return new BanditError("aborted", "somebody else changed the catalogue at the same time", {
      reason: "CONCURRENT_CHANGE",
      retryAfterMs: 100,
      cause,
    });
  }
  if (errorClass === "28" || errorClass === "3D" || code === "42501") {
    return new BanditError("unavailable", deniedText, {
      reason: "CATALOGUE_ACCESS_DENIED",
      ...(code === undefined ? {} : { metadata: { engine_error: code } }),
      retryAfterMs,
      cause,
    });
  }
  if (errorClass === "22" || errorClass === "23") {
    return new BanditError("invalid_argument", "the catalogue refused a value", {
      reason: "VALUE_REFUSED",
      cause,
      ...(constraint === undefined ? {} : { metadata: { constraint } }),
    });
  }
  if (errorClass === undefined || outageClasses.has(errorClass) || outageCodes.has(code ?? "")) {
    return unavailable(cause);
  }
  return new BanditError("internal", "the catalogue failed", { reason: "CATALOGUE_FAILED", cause });
}

export function unavailable(cause: unknown): BanditError {
  const { code } = describeFailure(cause);
  const message =
    code === undefined
      ? "the catalogue cannot be reached"
      : `the catalogue cannot do its work now (SQLSTATE ${code})`;
  return new BanditError("unavailable", message, {
    reason: "CATALOGUE_UNAVAILABLE",
    ...(code === undefined ? {} : { metadata: { engine_error: code } }),
    retryAfterMs,
    cause,
  });
}

/** The connection is to a server that was demoted; a new one may reach the server that took over. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof BanditError && error.reason === "CATALOGUE_READ_ONLY";
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
