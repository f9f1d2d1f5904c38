import { describe, expect, it } from "vitest";
import { formatFacts, formatTable } from "../../../../src/cli/text/table.ts";

describe("a table", () => {
  it("aligns its columns, numbers to the right, without trailing spaces", () => {
    const text = formatTable(
      [{ title: "arm" }, { title: "share", align: "right" }, { title: "note" }],
      [
        ["a", "0.5", ""],
        ["longer", "12.25", "x"],
      ],
    );
    expect(text).toBe(
      ["arm     share  note", "──────  ─────  ────", "a         0.5", "longer  12.25  x", ""].join(
        "\n",
      ),
    );
  });

  it("aligns names in any script", () => {
    const rows = ["物理", "한국", "e\u0301té", "–", "😀"].map((name) => [name, "1"]);
    const lines = formatTable(["n", "x"], rows).split("\n").slice(2, 7);
    expect(lines).toEqual(["物理  1", "한국  1", "e\u0301té   1", "–     1", "😀    1"]);
  });

  it("shows a cell on one line and cuts it at the column's width", () => {
    const text = formatTable([{ title: "t", widthMax: 6 }], [["ab\ncd\u001b[31mef"]]);
    expect(text.split("\n")[2]).toBe("ab cd…");
  });

  it("never shows two names of rows as one", () => {
    const names = ["evolution/first@1", "evolution/second@1"];
    const shown = (rows: readonly string[]) =>
      formatTable(
        [{ title: "t", widthMax: 8 }],
        rows.map((name) => [name]),
      ).split("\n");
    expect(shown(names).slice(2, 4)).toEqual(names);
    expect(shown(["evolution/first@1", "other"])[2]).toBe("evoluti…");
  });

  it("is still a table without rows", () => {
    expect(formatTable([{ title: "name" }], [])).toBe("name\n────\n");
  });
});

describe("facts", () => {
  it("stand below one another, without those that say nothing", () => {
    const facts = [
      ["id", "a\u001b[31mb"],
      ["nothing", ""],
      ["longer", "x"],
    ] as const;
    expect(formatFacts(facts, " ")).toBe(" id      a [31mb\n longer  x\n");
  });
});
