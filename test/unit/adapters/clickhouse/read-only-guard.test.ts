import { describe, expect, test } from "vitest";
import {
  requireCanonicalReadOnly,
  requireReadOnlyStatement,
} from "../../../../src/adapters/clickhouse/read-only-guard.ts";

const notAllowed = expect.objectContaining({
  code: "invalid_argument",
  reason: "QUERY_NOT_ALLOWED",
});

describe("requireReadOnlyStatement", () => {
  test.each([
    ["SELECT 1", "SELECT 1"],
    ["SELECT 1 ; -- done; really", "SELECT 1 "],
    ["SELECT ';' ;;", "SELECT ';' "],
  ])("gives %s back without its end", (sql, expected) => {
    expect(requireReadOnlyStatement(sql)).toBe(expected);
  });

  test.each(["SELECT 1;;SELECT 2", "SELECT 1;'x'", "(DROP TABLE x)", "", ";", "'SELECT'"])(
    "refuses %s",
    (sql) => {
      expect(() => requireReadOnlyStatement(sql)).toThrow(notAllowed);
    },
  );

  test.each(["url", "remote", "s3", "cluster", "mysql"])(
    "%s is a name like any other unless it is called",
    (name) => {
      expect(() => requireReadOnlyStatement(`SELECT 1 AS ${name}`)).not.toThrow();
      expect(() => requireReadOnlyStatement(`SELECT * FROM ${name} /* */ ('x')`)).toThrow(name);
    },
  );
});

describe("requireCanonicalReadOnly", () => {
  test.each(["SELECT 'a\\'; -- /* \"', `b c`, 1.5 FROM t", "SHOW TABLES", "(SELECT 1) LIMIT 1"])(
    "takes %s",
    (sql) => {
      expect(() => requireCanonicalReadOnly(sql)).not.toThrow();
    },
  );

  test.each([
    "SELECT 1 /* a */",
    "/* a */ SELECT 1",
    "SELECT 1 -- a",
    "SELECT 1 # a",
    'SELECT "a"',
    "SELECT $a$ b $a$",
    "SELECT 1; SELECT 2",
    "SELECT 1 ;",
    "SELECT file('x')",
    "SELECT 1 INTO OUTFILE 'x'",
    "INSERT INTO t SELECT 1",
  ])("refuses %s", (sql) => {
    expect(() => requireCanonicalReadOnly(sql)).toThrow(notAllowed);
  });
});
