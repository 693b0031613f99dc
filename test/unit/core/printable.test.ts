import { describe, expect, it } from "vitest";
import { printable } from "#src/core/printable.js";

describe("a name shown in a terminal", () => {
  it("moves no cursor, ends no line and turns no text", () => {
    expect(printable("a\u001b[2J\r\n\u009b\u202e\u2028b.zip")).toBe(`a${"\ufffd"}[2J${"\ufffd".repeat(5)}b.zip`);
  });

  it("is as it is in any script", () => {
    expect(printable("Müller 頭部.zip")).toBe("Müller 頭部.zip");
  });
});
