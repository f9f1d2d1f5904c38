import { BanditError } from "../../domain/errors.ts";
import { tokenizeSql } from "./sql-lexer.ts";

/*
 * What keeps an analyst's statement from doing harm.
 *
 * First the engine: the statement runs with `readonly = 1`, on chDB in a session of its own, on a
 * server as a setting of its own request. That refuses writes, DDL, SET, SYSTEM and (tested one by one)
 * the table functions that read files or talk to other servers.
 *
 * `readonly` leaves gaps, all found by trying them on chDB, where the only user there is may do everything:
 * the function `file('/etc/passwd')` reads any file; `DESCRIBE file(…)` and `DESCRIBE url(…)` open what
 * they name to infer its columns; `INTO OUTFILE` writes one; KILL, USE and a second statement after
 * `;` run. These are closed here, before the engine sees the text. On a server, give the service a
 * user with rights on its own database only, and this is a second lock.
 */

const firstWords = new Set([
  "select",
  "with",
  "from",
  "show",
  "describe",
  "desc",
  "exists",
  "explain",
]);

/** Refused wherever the name stands: `SELECT * APPLY file` calls it without parentheses. */
const refusedNames = new Set(["file", "catboostevaluate", "outfile", "dictget", "joinget"]);

/** Refused in front of a parenthesis: `url` alone may well be somebody's column. */
const refusedTableFunctions =
  /^(?:arrow(?:stream|flight)|azureblobstorage\w*|cosn|deltalake\w*|dictionary|executable\w*|file\w*|gcs|hdfs\w*|hudi\w*|iceberg\w*|jdbc|loop|mongodb|mysql|odbc|oss|paimon\w*|postgresql|prometheusquery\w*|python|redis|remote(?:secure)?|s3(?:cluster)?|sqlite|timeseries(?:data|metrics|samples|selector|tags)|url(?:cluster)?|ytsaurus|cluster(?:allreplicas)?|eval|viewexplain|ai[a-z]+)$/;

/**
 * Makes sure that `sql` is one reading statement that stays inside the database.
 * @returns the statement without a closing semicolon
 * @throws BanditError invalid_argument, reason QUERY_NOT_ALLOWED
 */
export function requireReadOnlyStatement(sql: string): string {
  const tokens = tokenizeSql(sql);
  if (tokens === undefined) {
    throw refused("a quote or comment does not end, or a quoted name contains a backslash");
  }
  const end = tokens.findIndex((token) => token.kind === "symbol" && token.value === ";");
  if (end !== -1 && tokens.slice(end).some((token) => token.value !== ";")) {
    throw refused("only one statement at a time");
  }
  const first = tokens.find((token) => !(token.kind === "symbol" && token.value === "("));
  if (first?.kind !== "word" || !firstWords.has(first.value.toLowerCase())) {
    throw refused("a statement starts with SELECT, WITH, SHOW, DESCRIBE, EXISTS or EXPLAIN");
  }
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "word" && token.kind !== "quoted_word") continue;
    const name = token.value.toLowerCase();
    const called = tokens[index + 1]?.kind === "symbol" && tokens[index + 1]?.value === "(";
    if (refusedNames.has(name) || (called && refusedTableFunctions.test(name))) {
      throw refused(`${token.value} reaches outside the database`);
    }
  }
  return end === -1 ? sql : sql.slice(0, tokens[end]?.at);
}

function refused(why: string): BanditError {
  return new BanditError("invalid_argument", `the query is not allowed: ${why}`, {
    reason: "QUERY_NOT_ALLOWED",
  });
}
