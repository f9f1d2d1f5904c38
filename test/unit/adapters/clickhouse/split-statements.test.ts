import { describe, expect, test } from "vitest";
import { splitStatements } from "../../../../src/adapters/clickhouse/clickhouse-migrations.ts";

describe("splitStatements", () => {
  test("cuts at a semicolon at the end of a line, and nowhere else", () => {
    expect(splitStatements("SELECT ';' AS a; -- x\nFROM b;  \r\n\nSELECT 2;\n")).toEqual([
      "SELECT ';' AS a; -- x\nFROM b",
      "SELECT 2",
    ]);
  });

  test("a last statement needs no semicolon; comments alone are no statement", () => {
    expect(splitStatements("SELECT 1;\n-- the end\n")).toEqual(["SELECT 1"]);
    expect(splitStatements("SELECT 1")).toEqual(["SELECT 1"]);
  });
});
