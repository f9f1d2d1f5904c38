import { BanditError } from "../../domain/errors.ts";
import { type SqlToken, tokenizeCanonicalSql, tokenizeSql } from "./sql-lexer.ts";

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
 * `;` run; the system tables tell what other statements say. These are closed here, before the engine
 * sees the text. On a server, give the service a user with rights on its own database only, and this
 * is a second lock.
 *
 * A guard that reads a text in its own way is fooled by what the engine reads differently (a comment
 * inside a comment was enough). So the text that is guarded, and run, is not the analyst's but the
 * engine's own writing of it ({@link requireCanonicalReadOnly}), which has one form for everything. The
 * check of the original ({@link requireReadOnlyStatement}) comes first: it saves the engine what is
 * clearly wrong, and is a lock of its own.
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

/**
 * Refused wherever the name stands: `SELECT * APPLY file` calls it without parentheses. They read files,
 * the environment's secrets, addresses in memory, other data sources, or write the server's log.
 */
const refusedNames =
  /^(?:file|filesystem(?:available|capacity|unreserved)|catboostevaluate|outfile|dict(?:get|has|isin)\w*|joinget\w*|addressto\w+|ai(?:classify|embed|extract|generate|translate)|evalmlmethod|generateserialid|getclienthttpheader|getmacro|getserver(?:port|setting)|logtrace|showcertificate|tcpport|zookeeper\w*)$/;

/** Refused in front of a parenthesis: `url` alone may well be somebody's column. */
const refusedTableFunctions =
  /^(?:arrow(?:stream|flight)|azureblobstorage\w*|cosn|deltalake\w*|dictionary|executable\w*|file\w*|gcs|hdfs\w*|hudi\w*|iceberg\w*|jdbc|loop|merge|mongodb|mysql|odbc|oss|paimon\w*|postgresql|prometheusquery\w*|python|redis|remote(?:secure)?|s3(?:cluster)?|sqlite|timeseries(?:data|metrics|samples|selector|tags)|url(?:cluster)?|ytsaurus|cluster(?:allreplicas)?|eval|viewexplain|ai[a-z]+)$/;

/** What there is to read, and how the engine works. The others tell of users, keys, files and other statements. */
const systemTables = new Set([
  "aggregate_function_combinators",
  "collations",
  "columns",
  "completions",
  "data_skipping_indices",
  "data_type_families",
  "databases",
  "documentation",
  "formats",
  "functions",
  "keywords",
  "merge_tree_settings",
  "numbers",
  "numbers_mt",
  "one",
  "parts",
  "parts_columns",
  "primes",
  "settings",
  "table_engines",
  "table_functions",
  "tables",
  "time_zones",
  "zeros",
  "zeros_mt",
]);

/** After SHOW. SHOW PROCESSLIST and its like read the system tables that are refused by name. */
const shown = new Set([
  "tables",
  "databases",
  "columns",
  "fields",
  "create",
  "functions",
  "index",
  "indexes",
  "indices",
  "keys",
  "settings",
]);
const showModifiers = new Set(["full", "extended", "temporary", "changed"]);
const createdShown = new Set(["table", "view", "database"]);

/**
 * Makes sure, as far as the text itself tells, that `sql` is one reading statement that stays inside
 * the database.
 * @returns the statement without a closing semicolon
 * @throws BanditError invalid_argument, reason QUERY_NOT_ALLOWED
 */
export function requireReadOnlyStatement(sql: string): string {
  const tokens = tokenizeSql(sql);
  if (tokens === undefined) {
    throw refused(
      "a quote or comment does not end, a comment contains /*, or a quoted name contains a backslash",
    );
  }
  const end = tokens.findIndex((token) => isSymbol(token, ";"));
  if (end !== -1 && tokens.slice(end).some((token) => !isSymbol(token, ";"))) {
    throw refused("only one statement at a time");
  }
  requireHarmless(end === -1 ? tokens : tokens.slice(0, end));
  return end === -1 ? sql : sql.slice(0, tokens[end]?.at);
}

/**
 * The same for a statement as the engine has written it out.
 * @throws BanditError invalid_argument, reason QUERY_NOT_ALLOWED
 */
export function requireCanonicalReadOnly(sql: string): void {
  const tokens = tokenizeCanonicalSql(sql);
  if (tokens === undefined || tokens.some((token) => isSymbol(token, ";"))) {
    throw refused("its quotes can be read in more than one way");
  }
  requireHarmless(tokens);
}

function requireHarmless(tokens: readonly SqlToken[]): void {
  const start = tokens.findIndex((token) => !isSymbol(token, "("));
  const first = tokens[start];
  if (first?.kind !== "word" || !firstWords.has(first.value.toLowerCase())) {
    throw refused("a statement starts with SELECT, WITH, SHOW, DESCRIBE, EXISTS or EXPLAIN");
  }
  if (first.value.toLowerCase() === "show") requireShown(tokens.slice(start + 1));
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "word" && token.kind !== "quoted_word") continue;
    const name = token.value.toLowerCase();
    const called = isSymbol(tokens[index + 1], "(");
    if (refusedNames.test(name) || (called && refusedTableFunctions.test(name))) {
      throw refused(`${token.value} reaches outside the database`);
    }
    if (isSymbol(tokens[index + 1], ".")) requireTableOf(name, tokens[index + 2]?.value ?? "");
  }
}

/** On chDB, `default` has a table for every path of the file system. */
function requireTableOf(database: string, table: string): void {
  if (database === "default") throw refused("tables are named without the database default");
  if (database === "system" && !systemTables.has(table.toLowerCase())) {
    throw refused(`system.${table} is not among the system tables that may be read`);
  }
}

function requireShown(tokens: readonly SqlToken[]): void {
  const words = tokens
    .slice(0, 4)
    .map((token) => token.value.toLowerCase())
    .filter((word) => !showModifiers.has(word));
  const [what = "", created = ""] = words;
  if (!shown.has(what)) throw refused(`SHOW ${what.toUpperCase()} is not about the event log`);
  if (what === "create" && !createdShown.has(created)) {
    throw refused("SHOW CREATE is for a TABLE, VIEW or DATABASE");
  }
}

function isSymbol(token: SqlToken | undefined, symbol: string): boolean {
  return token?.kind === "symbol" && token.value === symbol;
}

function refused(why: string): BanditError {
  return new BanditError("invalid_argument", `the query is not allowed: ${why}`, {
    reason: "QUERY_NOT_ALLOWED",
  });
}
