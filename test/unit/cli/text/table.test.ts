import { describe, expect, it } from "vitest";
import { formatCsv, formatTable } from "../../../../src/cli/text/table.ts";

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

  it("shows a cell on one line and cuts it at the column's width", () => {
    const text = formatTable([{ title: "t", widthMax: 6 }], [["ab\ncd\u001b[31mef"]]);
    expect(text.split("\n")[2]).toBe("ab cd…");
  });

  it("is still a table without rows", () => {
    expect(formatTable([{ title: "name" }], [])).toBe("name\n────\n");
  });
});

describe("CSV", () => {
  it("quotes what needs it and nothing else", () => {
    expect(
      formatCsv(
        ["a", "b"],
        [
          ['say "x"', "1,2"],
          ["line\nbreak", "plain"],
        ],
      ),
    ).toBe('a,b\r\n"say ""x""","1,2"\r\n"line\nbreak",plain\r\n');
  });
});
