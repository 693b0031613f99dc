/** Rows as text with aligned columns; cells that look like numbers are aligned to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, n) => Math.max(title.length, ...rows.map((row) => (row[n] ?? "").length)));
  const render = (row: readonly string[]) =>
    row
      .map((cell, n) => (/^[\d.,]+$/.test(cell) ? cell.padStart(widths[n] ?? 0) : cell.padEnd(widths[n] ?? 0)))
      .join("  ")
      .trimEnd();
  return [head, widths.map((width) => "-".repeat(width)), ...rows].map((row) => `  ${render(row)}`).join("\n");
}
