import { shortened } from "../../domain/shortened.ts";

export interface Column {
  readonly title: string;
  /** Numbers go to the right. */
  readonly align?: "left" | "right";
  /** Longest cell shown; the rest is cut and marked with …. Absent: 60. */
  readonly widthMax?: number;
}

const widthMaxDefault = 60;

/** Columns of numbers. */
export function numbers(...titles: readonly string[]): readonly Column[] {
  return titles.map((title) => ({ title, align: "right" }));
}

/**
 * Aligned plain text with a title line and a rule, columns two spaces apart; ends with a line break. The first column
 * names the row: it is shown in full where two different names would look the same.
 * @param titled columns; a title alone: of texts
 */
export function formatTable(
  titled: readonly (string | Column)[],
  rows: readonly (readonly string[])[],
): string {
  const columns = titled.map((column) => (typeof column === "string" ? { title: column } : column));
  const cutColumns = columns.map(({ widthMax = widthMaxDefault }, index) => {
    const full = rows.map((row) => oneLine(row[index] ?? ""));
    const cut = full.map((text) => shortened(text, widthMax));
    return index === 0 && new Set(cut).size < new Set(full).size ? full : cut;
  });
  const cells = rows.map((_, row) => cutColumns.map((column) => column[row] as string));
  const widths = columns.map(({ title }, index) =>
    cells.reduce((width, row) => Math.max(width, widthOf(row[index] as string)), widthOf(title)),
  );
  const line = (row: readonly string[]): string =>
    columns
      .map((column, index) => {
        const cell = row[index] as string;
        const padding = " ".repeat((widths[index] as number) - widthOf(cell));
        return column.align === "right" ? padding + cell : cell + padding;
      })
      .join("  ")
      .trimEnd();
  const lines = [
    line(columns.map((column) => column.title)),
    line(widths.map((width) => "─".repeat(width))),
    ...cells.map(line),
  ];
  return `${lines.join("\n")}\n`;
}

/** Columns that a terminal needs: two for a wide character, none for a mark on the one before. */
function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) {
    if (!/[\p{Mn}\p{Me}\p{Cf}]/u.test(character)) width += wide.test(character) ? 2 : 1;
  }
  return width;
}

const wide =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{Emoji_Presentation}\u3001-\u303e\uff01-\uff60]/u;

/** Lines of name and value, the values below one another; entries without a value are left out. */
export function formatFacts(entries: readonly (readonly [string, string])[], indent = ""): string {
  const shown = entries.filter(([, value]) => value !== "");
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown
    .map(([name, value]) => `${indent}${name.padEnd(width)}  ${oneLine(value)}\n`)
    .join("");
}

/** Control characters are shown as spaces: what somebody has stored must not steer a terminal. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being removed
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}
