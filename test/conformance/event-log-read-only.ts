import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import type { EventLog } from "../../src/ports/event-log.ts";

const outFile = "/tmp/banditd-must-not-exist.csv";

/** Each was tried on the engine with `readonly = 1` alone first; see `read-only-guard.ts` for those that got through. */
const forbidden = [
  "INSERT INTO decisions (agent_type) VALUES ('x')",
  "ALTER TABLE decisions DELETE WHERE 1",
  "ALTER TABLE decisions MODIFY TTL toDateTime(decided_at) + toIntervalDay(1)",
  "TRUNCATE TABLE decisions",
  "DROP TABLE decisions",
  "CREATE TABLE x (a Int32) ENGINE = Memory",
  "CREATE TEMPORARY TABLE x (a Int32)",
  "OPTIMIZE TABLE decisions",
  "RENAME TABLE decisions TO x",
  "ATTACH TABLE x",
  "DETACH TABLE decisions",
  "SYSTEM FLUSH LOGS",
  "SYSTEM SHUTDOWN",
  "KILL QUERY WHERE 1",
  "SET readonly = 0",
  "SET max_threads = 1",
  "USE default",
  "GRANT SELECT ON *.* TO x",
  "CREATE USER x",
  "BACKUP TABLE decisions TO Disk('a', 'b')",
  "SELECT 1; SELECT 2",
  "SELECT 1; DROP TABLE decisions",
  "SELECT 1 /* ; */; DROP TABLE decisions",
  "SELECT 1 SETTINGS readonly = 0",
  "SELECT 1 SETTINGS max_memory_usage = 0",
  `SELECT 1 INTO OUTFILE '${outFile}'`,
  `SELECT 1 INTO/**/OUTFILE '${outFile}'`,
  "SELECT file('/etc/passwd')",
  "SELECT `file`('/etc/passwd')",
  "SELECT \"file\"('/etc/passwd')",
  "SELECT `f\\x69le`('/etc/passwd')",
  "SELECT * APPLY file FROM (SELECT '/etc/passwd' AS x)",
  "SELECT * APPLY(file) FROM (SELECT '/etc/passwd' AS x)",
  "EXPLAIN SELECT file('/etc/passwd')",
  "SELECT catboostEvaluate('/etc/passwd', 1)",
  "SELECT * FROM file('/etc/passwd', 'LineAsString')",
  "SELECT * FROM default.`/etc/passwd`",
  "DESCRIBE file('/etc/passwd')",
  "DESCRIBE TABLE url('http://127.0.0.1:1/x.csv')",
  "SELECT * FROM view(SELECT * FROM file('/etc/passwd'))",
  "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
  "SELECT * FROM remote('127.0.0.1:1', 'system', 'one')",
  "SELECT * FROM remoteSecure('127.0.0.1:1', 'system', 'one')",
  "SELECT * FROM cluster('default', 'system', 'one')",
  "SELECT * FROM s3('http://127.0.0.1:1/bucket/y.csv', 'CSV', 'a Int32')",
  "SELECT * FROM gcs('http://127.0.0.1:1/bucket/y.csv', 'CSV', 'a Int32')",
  "SELECT * FROM azureBlobStorage('http://127.0.0.1:1/a', 'b', 'c', 'd', 'e', 'CSV', 'a Int32')",
  "SELECT * FROM hdfs('hdfs://127.0.0.1:1/a', 'CSV', 'a Int32')",
  "SELECT * FROM executable('ls', 'TSV', 'a String')",
  "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
  "SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
  "SELECT * FROM mongodb('127.0.0.1:1', 'a', 'b', 'c', 'd', 'x Int32')",
  "SELECT * FROM redis('127.0.0.1:1', 'k', 'k Int32')",
  "SELECT * FROM sqlite('/tmp/a.db', 'x')",
  "SELECT * FROM icebergLocal('/tmp')",
  "SELECT * FROM deltaLakeLocal('/tmp')",
  "SELECT * FROM jdbc('a', 'b')",
  "SELECT * FROM odbc('a', 'b')",
  // What the engine reads differently from a simple lexer: comments inside comments, and more.
  "SELECT /* /* */ ' */ file('/etc/passwd') -- '",
  `SELECT 'evil' /* /* */ ' */ INTO OUTFILE '${outFile}' -- '`,
  `SELECT /* /* */ " */ file('/etc/passwd') -- "`,
  "SELECT /* /* */ $$ */ file('/etc/passwd') -- $$",
  "SELECT 1 -- '\n, file('/etc/passwd') -- '",
  "SELECT 1 # '\n, file('/etc/passwd') -- '",
  "SELECT 1 #! '\n, file('/etc/passwd') -- '",
  "SELECT $t$ ' $t$, file('/etc/passwd') -- '",
  "SELECT '\\\\', file('/etc/passwd') -- '",
  "SELECT '\\\\\\'', file('/etc/passwd'), ' \\''",
  "SELECT ''' ', file('/etc/passwd') -- '",
  "SELECT 1 AS \"--\", file('/etc/passwd')",
  "SELECT 1 AS `/*`, file('/etc/passwd') AS `*/`",
  "SELECT ‘ ' ’, file('/etc/passwd') -- '",
  "SELECT 1 −− ' \n, file('/etc/passwd') -- '",
  "SELECT '\0', file('/etc/passwd')",
  "SELECT 1 \0 ; SELECT 2",
  "SELECT file\u00a0('/etc/passwd')",
  "SELECT \"f\\x69le\"('/etc/passwd')",
  "SELECT * FROM (EXPLAIN SELECT file('/etc/passwd'))",
  "WITH file('/etc/passwd') AS x SELECT x",
  "SELECT 1 FROM numbers(1) PASTE JOIN (SELECT file('/etc/passwd'))",
  "SELECT 1 SETTINGS format_schema = '/etc/passwd'",
  // What tells of other users, statements, keys and files.
  "SELECT * FROM system.processes",
  'SELECT * FROM `system` . "processes"',
  "SELECT * FROM system.'processes'",
  "SELECT * FROM system.query_log",
  "SELECT * FROM system.users",
  "SELECT * FROM system.named_collections",
  "SELECT * FROM system.server_settings",
  "SELECT * FROM system.stack_trace",
  "SELECT 1 IN system.processes",
  "SELECT * FROM merge('system', '^processes$')",
  "SELECT * FROM system.tables AS t, system.processes",
  "DESCRIBE system.processes",
  "DESCRIBE default.`/etc/passwd`",
  "EXISTS default.`/etc/passwd`",
  "SHOW CREATE TABLE default.`/etc/passwd`",
  "SHOW CREATE USER default",
  "SHOW PROCESSLIST",
  "SHOW GRANTS",
  "SHOW USERS",
  "SELECT getMacro('x')",
  "SELECT * APPLY getServerSetting FROM (SELECT 'x' AS a)",
  "SELECT showCertificate()",
  "SELECT logTrace('x')",
  "SELECT addressToLine(1)",
  "SELECT dictGetString('a', 'b', 1)",
  "",
  "-- nothing but a comment",
];

const notAllowed = { code: "invalid_argument", reason: "QUERY_NOT_ALLOWED" };

/** The part of the conformance suite that is about {@link EventLog.query}. */
export function describeReadOnlyQueries(log: () => EventLog): void {
  const query = (
    sql: string,
    limits: { rowsMax?: number; timeoutMs?: number; signal?: AbortSignal } = {},
  ) => log().query({ sql, rowsMax: 1_000, timeoutMs: 10_000, ...limits });

  test.each(forbidden)("refuses %s", async (sql) => {
    await expect(query(sql)).rejects.toMatchObject(notAllowed);
    expect(existsSync(outFile)).toBe(false);
  });

  test("refuses every table function of this engine that a read-only user may not use", async () => {
    const result = await query(
      "SELECT name FROM system.table_functions WHERE NOT allow_readonly ORDER BY name",
    );
    expect(result.rows.length).toBeGreaterThan(50);
    // Readable and of no harm: nothing but numbers and texts of the statement itself.
    const harmless = new Set(["zeros", "zeros_mt", "format"]);
    for (const [name] of result.rows as [string][]) {
      if (harmless.has(name)) continue;
      await expect(query(`DESCRIBE TABLE ${name}('a', 'b', 'c')`), name).rejects.toMatchObject(
        notAllowed,
      );
    }
  });

  test.each([
    ["SELECT 1 AS x; ", 1],
    ["select 1 as x; -- the ; end", 1],
    ["WITH 2 AS y SELECT y", 2],
    ["(SELECT 3) UNION ALL (SELECT 3)", 3],
    ["SELECT 'a;b -- file('", "a;b -- file("],
    ["SELECT $tag$ ; DROP $tag$", " ; DROP "],
    ["SELECT ci_url AS url FROM (SELECT 'x' AS ci_url)", "x"],
    ["EXISTS TABLE decisions", 1],
    ["SELECT '/* /* */ '' -- file(' /* '' */ -- ' /* /*", "/* /* */ ' -- file("],
    ["SELECT `a--/*;'` FROM (SELECT 5 AS `a--/*;'`)", 5],
    ['SELECT "file ""x"" y" FROM (SELECT 6 AS "file ""x"" y")', 6],
    ["SELECT ';' # the end", ";"],
    ["SELECT count() > 0 FROM system.columns WHERE table = 'decisions'", 1],
    ["SELECT '/' || base64Decode('eA==') || x'41' || unhex('42')", "/xAB"],
  ])("answers %s", async (sql, value) => {
    expect((await query(sql)).rows[0]).toEqual([value]);
  });

  test("a syntax error is told in the words of the analyst's statement only", async () => {
    const error = await query(`SELECT 1 + -- ${"x".repeat(60_000)}`).catch(
      (caught: unknown) => caught as Error,
    );
    expect(error).toMatchObject({ code: "invalid_argument", reason: "QUERY_REFUSED" });
    expect((error as Error).message).toMatch(/Syntax error/);
    expect((error as Error).message).not.toMatch(/formatQuery|unhex/);
  });

  test("a statement of the longest kind there is is answered", async () => {
    const result = await query(`SELECT '${"😀".repeat(65_000)}'`);
    expect(result.rows[0]?.[0]).toHaveLength(130_000);
  });

  test.each(["SHOW TABLES", "DESCRIBE TABLE generation_full", "EXPLAIN SELECT * FROM decisions"])(
    "answers %s",
    async (sql) => {
      expect((await query(sql)).rows.length).toBeGreaterThan(0);
    },
  );

  test("names and types every column, and gives 64-bit integers as text", async () => {
    const result = await query(
      "SELECT toUInt64(18446744073709551615) AS big, toInt32(-5) AS small, map('a', 0.5) AS m, [NULL, 1] AS list, toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC') AS at",
    );
    expect(result.columns).toEqual([
      { name: "big", type: "UInt64" },
      { name: "small", type: "Int32" },
      { name: "m", type: "Map(String, Float64)" },
      { name: "list", type: "Array(Nullable(UInt8))" },
      { name: "at", type: "DateTime64(3, 'UTC')" },
    ]);
    expect(result.rows).toEqual([
      ["18446744073709551615", -5, { a: 0.5 }, [null, 1], "2026-01-02 03:04:05.678"],
    ]);
    expect(result.elapsedMs).toBeGreaterThan(0);
  });

  test.each([
    { rows: 9, truncated: false },
    { rows: 10, truncated: false },
    { rows: 11, truncated: true },
    { rows: 10_000_000, truncated: true },
  ])("of $rows rows returns at most 10, truncated: $truncated", async ({ rows, truncated }) => {
    const result = await query(`SELECT number FROM numbers(${rows})`, { rowsMax: 10 });
    expect(result.rows.length).toBe(Math.min(rows, 10));
    expect(result.truncated).toBe(truncated);
  });

  test("a result ends at 4 MiB, in whole rows, and says that it was cut", async () => {
    const result = await query("SELECT number, repeat('x', 100000) AS x FROM numbers(250)");
    expect(result.truncated).toBe(true);
    expect(result.rows.length).toBe(41);
    expect(result.rows.map(([number]) => number)).toEqual(
      Array.from({ length: 41 }, (_, index) => String(index)),
    );
    expect(result.rows.every(([, text]) => (text as string).length === 100_000)).toBe(true);
  });

  test("a result that is short as text and large in the engine's memory is whole", async () => {
    const part = "SELECT arrayMap(x -> toInt256(number % 2), range(50)) AS zeros FROM numbers(900)";
    const result = await query(Array.from({ length: 10 }, () => part).join(" UNION ALL "), {
      rowsMax: 10_000,
    });
    expect(result).toMatchObject({ truncated: false });
    expect(result.rows).toHaveLength(9000);
  });

  test.each([
    ["one row", "SELECT arrayStringConcat(arrayMap(x -> repeat('x', 1000000), range(9)))"],
    ["one value of 100 MB", "SELECT repeat(repeat('x', 1000000), 100) AS x"],
  ])("%s of more than 4 MiB is too large", async (_, sql) => {
    await expect(query(sql)).rejects.toMatchObject({
      code: "resource_exhausted",
      reason: "QUERY_TOO_LARGE",
    });
  });

  test("a query without a row still names its columns", async () => {
    const result = await query("SELECT 1 AS x WHERE 0");
    expect(result).toMatchObject({
      columns: [{ name: "x", type: "UInt8" }],
      rows: [],
      truncated: false,
    });
  });

  test.each([
    ["SELEC 1", /not allowed/],
    ["SELECT nonsense FROM decisions", /nonsense/],
    ["SELECT * FROM no_such_table", /no_such_table/],
    ["SELECT 1 +", /./],
    ["SELECT 1 FORMAT CSV", /./],
    ["SELECT 'open", /quote/],
  ])("says what is wrong with %s, without a stack", async (sql, message) => {
    const error = await query(sql).then(
      () => undefined,
      (caught: unknown) => caught as Error & { code: string },
    );
    expect(error?.code).toBe("invalid_argument");
    expect(error?.message).toMatch(message);
    expect(error?.message).not.toMatch(/Stack trace|\.ts:|\.js:|\.cpp/);
  });

  test("stops a query at its deadline", async () => {
    const startedMs = performance.now();
    await expect(
      query("SELECT sum(sipHash64(number)) FROM numbers(100000000000)", { timeoutMs: 300 }),
    ).rejects.toMatchObject({ code: "deadline_exceeded", reason: "QUERY_TIMEOUT" });
    expect(performance.now() - startedMs).toBeLessThan(3_000);
  });

  test("has a bound on queries at the same time, and recovers", async () => {
    const slow = Array.from({ length: 4 }, () =>
      query("SELECT sleep(1)", { timeoutMs: 2_500 }).then(
        () => "answered",
        (error: { code: string }) => error.code,
      ),
    );
    expect(await Promise.all(slow)).toEqual([
      "answered",
      "answered",
      "answered",
      "resource_exhausted",
    ]);
    expect((await query("SELECT 1")).rows).toEqual([[1]]);
  });

  test("ends a query when its caller has gone, and answers others", async () => {
    const caller = new AbortController();
    const sql = "SELECT sum(sipHash64(number)) FROM numbers(100000000000)";
    const asked = query(sql, { timeoutMs: 5_000, signal: caller.signal });
    setTimeout(() => caller.abort(), 100);
    await expect(asked).rejects.toMatchObject({
      code: "deadline_exceeded",
      reason: "DEADLINE_EXCEEDED",
    });
    expect((await query("SELECT 1")).rows).toEqual([[1]]);
  });
}
