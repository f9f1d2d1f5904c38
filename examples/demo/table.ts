/** Aligned plain text with a title line and a rule. @param titles with a `>` before those of columns of numbers */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = titles.map((title, index) => {
    const isNumber = title.startsWith(">");
    const text = isNumber ? title.slice(1) : title;
    const width = Math.max(text.length, ...rows.map((row) => row[index]?.length ?? 0));
    return { text, width, isNumber };
  });
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ width, isNumber }, index) =>
        isNumber ? (cells[index] ?? "").padStart(width) : (cells[index] ?? "").padEnd(width),
      )
      .join("  ")
      .trimEnd();
  const head = [columns.map(({ text }) => text), columns.map(({ width }) => "─".repeat(width))];
  return [...head, ...rows].map((row) => `${line(row)}\n`).join("");
}
