import { describe, expect, it } from "vitest";
import { csvCell } from "#src/core/csv-cell.js";

describe("a cell of a CSV file", () => {
  it.each(["-2+3+cmd|' /C calc'!A0", "=1+1", "+1", "@SUM(A1)", "-x", "\t=1", "\n=1", "-1-1", "-.5", "＝1", "－2", "-"])(
    "lets no spreadsheet take %j for a formula",
    (text) => expect(csvCell(text)).toMatch(/^"?'/),
  );

  it.each(["-1", "-0.25", "-1e-7", "12", "ward 7/a.zip", "a-b=c"])("leaves %j as it is", (text) => {
    expect(csvCell(text)).toBe(text);
  });

  it("quotes what would end a cell or a line", () => {
    expect(csvCell('a,"b"')).toBe('"a,""b"""');
    expect(csvCell("a\r\nb")).toBe('"a\r\nb"');
  });
});
