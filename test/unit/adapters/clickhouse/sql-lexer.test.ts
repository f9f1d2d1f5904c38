import { describe, expect, test } from "vitest";
import { tokenizeSql } from "../../../../src/adapters/clickhouse/sql-lexer.ts";

const values = (sql: string) => tokenizeSql(sql)?.map(({ kind, value }) => `${kind}:${value}`);

describe("tokenizeSql", () => {
  test("leaves comments and spaces out, and nothing else", () => {
    expect(values("a -- b\n# c\n#! d\n/* e */ f,1.5e-3")).toEqual([
      "word:a",
      "word:f",
      "symbol:,",
      "symbol:1.5e",
      "symbol:-",
      "symbol:3",
    ]);
  });

  test("keeps what looks like code inside quotes together", () => {
    expect(values("'a;''b\\'c -- d' \"e;f\" `g\"h` $t$ ; ' $t$")).toEqual([
      "text:a;''b\\'c -- d",
      "quoted_word:e;f",
      'quoted_word:g"h',
      "text:",
    ]);
  });

  test("a quote character in a comment opens nothing", () => {
    expect(values("a /* ' */ ; -- \"\nb")).toEqual(["word:a", "symbol:;", "word:b"]);
  });

  test("says where each token is", () => {
    expect(tokenizeSql("ab  ;")?.map(({ at }) => at)).toEqual([0, 4]);
  });

  test.each([
    "'a",
    "'a\\'",
    '"a',
    "`a",
    "/* a",
    "$x$ a",
    "`a\\x62`",
    '"a\\"b"',
    "‘a’",
    "a − b",
    "a /* /* */ b",
    "'\0'",
  ])("gives up on %s", (sql) => {
    expect(tokenizeSql(sql)).toBeUndefined();
  });
});
