export interface Column {
  readonly title: string;
  /** Numbers go to the right. */
  readonly align?: "left" | "right";
  /** Longest cell shown; the rest is cut and marked with …. Absent: 60. */
  readonly widthMax?: number;
}

const widthMaxDefault = 60;

/** Aligned plain text with a title line and a rule, columns two spaces apart; ends with a line break. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const cells = rows.map((row) =>
    columns.map((column, index) => cutTo(row[index] ?? "", column.widthMax ?? widthMaxDefault)),
  );
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map((row) => row[index]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    columns
      .map((column, index) => {
        const width = widths[index] as number;
        const cell = row[index] as string;
        return column.align === "right" ? cell.padStart(width) : cell.padEnd(width);
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

/** One line of at most `widthMax` characters; control characters are shown as spaces. */
function cutTo(text: string, widthMax: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being removed
  const single = text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
  return single.length <= widthMax ? single : `${single.slice(0, widthMax - 1)}…`;
}

/** Rows as CSV (RFC 4180) with a title line. */
export function formatCsv(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (text: string): string =>
    /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  return [titles, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}
