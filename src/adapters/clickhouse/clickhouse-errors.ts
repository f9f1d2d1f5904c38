import { ClickHouseError } from "@clickhouse/client";
import { BanditError } from "../../domain/errors.ts";
import { migrationRefused } from "../sql-migrator/sql-migrator.ts";

/** The engine read the rows and does not want them: repeating the insert cannot help. */
const rowErrors = new Set([
  "ARGUMENT_OUT_OF_BOUND",
  "ATTEMPT_TO_READ_AFTER_EOF",
  "CANNOT_CONVERT_TYPE",
  "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN",
  "CANNOT_READ_ALL_DATA",
  "CANNOT_READ_ARRAY_FROM_TEXT",
  "CANNOT_READ_MAP_FROM_TEXT",
  "CANNOT_PARSE_BOOL",
  "CANNOT_PARSE_DATE",
  "CANNOT_PARSE_DATETIME",
  "CANNOT_PARSE_ESCAPE_SEQUENCE",
  "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
  "CANNOT_PARSE_NUMBER",
  "CANNOT_PARSE_QUOTED_STRING",
  "CANNOT_PARSE_TEXT",
  "CANNOT_PARSE_UUID",
  "INCORRECT_DATA",
  "NO_DATA_TO_INSERT",
  "TOO_LARGE_ARRAY_SIZE",
  "TOO_LARGE_STRING_SIZE",
  "TOO_MANY_PARTS_IN_INSERT_BLOCK",
  "TOO_DEEP_RECURSION",
  "TYPE_MISMATCH",
  "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
  "VIOLATED_CONSTRAINT",
]);

/** The engine is there but cannot work now; another statement would fail as well. */
const engineErrors = new Set([
  "ABORTED",
  "ALL_CONNECTION_TRIES_FAILED",
  "ALL_REPLICAS_ARE_STALE",
  "ALL_REPLICAS_LOST",
  "CANNOT_ALLOCATE_MEMORY",
  "CANNOT_SCHEDULE_TASK",
  "CANNOT_WRITE_TO_FILE_DESCRIPTOR",
  "CORRUPTED_DATA",
  "DNS_ERROR",
  "KEEPER_EXCEPTION",
  "LOGICAL_ERROR",
  "NETWORK_ERROR",
  "NOT_ENOUGH_SPACE",
  "NO_ZOOKEEPER",
  "POCO_EXCEPTION",
  "QUOTA_EXCEEDED",
  "S3_ERROR",
  "SERVER_OVERLOADED",
  "SOCKET_TIMEOUT",
  "STD_EXCEPTION",
  "SYSTEM_ERROR",
  "TABLE_IS_READ_ONLY",
  "TOO_FEW_LIVE_REPLICAS",
  "TOO_MANY_PARTS",
  "TOO_MANY_SIMULTANEOUS_QUERIES",
  "UNKNOWN_STATUS_OF_INSERT",
]);

/** The engine is there and does not let this user in. No outage: somebody has to correct the URL or the user. */
const loginErrors = new Set([
  "AUTHENTICATION_FAILED",
  "IP_ADDRESS_NOT_ALLOWED",
  "REQUIRED_PASSWORD",
  "UNKNOWN_USER",
  "USER_EXPIRED",
  "WRONG_PASSWORD",
]);

/** … or lets it in and does not let it do what the service has to do. */
const rightErrors = new Set(["ACCESS_DENIED", "NOT_ENOUGH_PRIVILEGES", "READONLY"]);

const limitErrors = new Set([
  "MEMORY_LIMIT_EXCEEDED",
  "QUERY_IS_TOO_LARGE",
  "SET_SIZE_LIMIT_EXCEEDED",
  "TOO_BIG_AST",
  "TOO_MANY_BYTES",
  "TOO_MANY_ROWS",
  "TOO_MANY_ROWS_OR_BYTES",
]);

/** The engine is not as this service needs it. */
const settingErrors = new Set([
  "NO_SUCH_COLUMN_IN_TABLE",
  "UNKNOWN_DATABASE",
  "UNKNOWN_SETTING",
  "UNKNOWN_TABLE",
]);

const timeErrors = new Set(["TIMEOUT_EXCEEDED", "TOO_SLOW", "QUERY_WAS_CANCELLED"]);

/**
 * Why an insert failed. Only an error that is known to be about the rows is final; everything else,
 * a missing table or a wrong password included, is `unavailable`, so that rows wait for the
 * operator instead of being given up.
 */
export function appendError(error: unknown): BanditError {
  if (error instanceof BanditError) return error;
  if (error instanceof ClickHouseError && rowErrors.has(error.type ?? "")) {
    return new BanditError("invalid_argument", "the event log refuses a row", {
      reason: "EVENT_REFUSED",
      metadata: { engine_error: error.type ?? "", ...columnOf(error.message) },
      cause: error,
    });
  }
  return unavailable(withoutRows(error));
}

/** Not of the row's content: where the engine says one, it comes after whatever it has quoted. */
function columnOf(message: string): { column?: string } {
  const [, column] =
    [...message.matchAll(/\(while reading the value of key (\w{1,64})\)/g)].at(-1) ?? [];
  return column === undefined ? {} : { column };
}

/** What an insert failed with goes to the log, which must not have what the rows hold: only known errors do not quote it. */
export function withoutRows(error: unknown): unknown {
  if (!(error instanceof ClickHouseError)) return error;
  const type = error.type ?? "";
  const isKnown = [
    engineErrors,
    loginErrors,
    rightErrors,
    limitErrors,
    timeErrors,
    settingErrors,
  ].some((set) => set.has(type));
  return isKnown
    ? error
    : new Error(`ClickHouse says ${type || "something unknown"} (code ${error.code})`);
}

/** Why a statement of a migration failed: waiting helps against an engine that is away, not against one that says no. */
export function migrationError(error: unknown): BanditError {
  const isRefused =
    error instanceof ClickHouseError &&
    ![engineErrors, loginErrors, limitErrors, timeErrors].some((away) =>
      away.has(error.type ?? ""),
    );
  if (!isRefused) return unavailable(error);
  return migrationRefused("clickhouse", { why: firstLines(error.message), cause: error });
}

/** Why a caller's own statement failed. */
export function queryError(error: unknown, timeoutMs: number): BanditError {
  if (error instanceof BanditError) return error;
  if (error instanceof SyntaxError) {
    return new BanditError("invalid_argument", "the query must not choose its own output format", {
      reason: "QUERY_REFUSED",
      cause: error,
    });
  }
  if (!(error instanceof ClickHouseError)) return unavailable(error);
  const type = error.type ?? "";
  if (isServerFull(error) || engineErrors.has(type) || loginErrors.has(type)) {
    return unavailable(error);
  }
  if (timeErrors.has(type)) return queryTimeout(timeoutMs, error);
  if (limitErrors.has(type)) return tooLarge(error);
  if (type === "READONLY" || type === "ACCESS_DENIED") {
    return new BanditError(
      "invalid_argument",
      "the query is not allowed: only statements that read the event log are",
      { reason: "QUERY_NOT_ALLOWED", cause: error },
    );
  }
  return new BanditError("invalid_argument", firstLines(error.message), {
    reason: "QUERY_REFUSED",
    metadata: { engine_error: type },
    cause: error,
  });
}

/** Why a statement of our own over many rows failed; there may have been too many of them. */
export function listError(error: unknown): BanditError {
  const isTooLarge =
    error instanceof ClickHouseError && limitErrors.has(error.type ?? "") && !isServerFull(error);
  return isTooLarge ? tooLarge(error) : unavailable(error);
}

/** The memory of the server or of its user is used up, not what this one statement may have. */
function isServerFull({ type, message }: ClickHouseError): boolean {
  return type === "MEMORY_LIMIT_EXCEEDED" && /\((total|for user)\)/i.test(message);
}

function tooLarge(error: ClickHouseError): BanditError {
  return new BanditError("resource_exhausted", firstLines(error.message), {
    reason: "QUERY_TOO_LARGE",
    cause: error,
  });
}

export function queryTimeout(timeoutMs: number, cause?: unknown): BanditError {
  return new BanditError(
    "deadline_exceeded",
    `the query took longer than ${timeoutMs} ms and was stopped`,
    { reason: "QUERY_TIMEOUT", cause },
  );
}

/** For statements of our own, which the engine has no reason to refuse. */
export function unavailable(error: unknown): BanditError {
  if (error instanceof BanditError) return error;
  const type = error instanceof ClickHouseError ? (error.type ?? "") : "";
  if (loginErrors.has(type) || rightErrors.has(type)) {
    return new BanditError(
      "unavailable",
      `the event log refuses this user (${type}): correct CLICKHOUSE_URL, or the user's rights at the server`,
      {
        reason: "EVENT_LOG_ACCESS_DENIED",
        metadata: { engine_error: type },
        retryAfterMs,
        cause: error,
      },
    );
  }
  const message =
    type === ""
      ? "the event log cannot be reached or does not answer"
      : `the event log cannot do its work now (${type})`;
  return new BanditError("unavailable", message, {
    reason: "EVENT_LOG_UNAVAILABLE",
    ...(type === "" ? {} : { metadata: { engine_error: type } }),
    retryAfterMs,
    cause: error,
  });
}

export function isSchemaMissing(error: unknown): boolean {
  return (
    error instanceof ClickHouseError &&
    (error.type === "UNKNOWN_TABLE" || error.type === "UNKNOWN_DATABASE")
  );
}

const retryAfterMs = 1_000;
const messageCharsMax = 2_000;

/**
 * ClickHouse's own words, without the statement of ours that asked for them; a parser's list of
 * everything it would have liked instead is cut off.
 */
function firstLines(message: string): string {
  const ours = message.search(/:? (?:In scope|While processing) [^']*formatQuerySingleLine\(/);
  const text = (ours === -1 ? message : message.slice(0, ours)).trim();
  return text.length <= messageCharsMax ? text : `${text.slice(0, messageCharsMax)} …`;
}
