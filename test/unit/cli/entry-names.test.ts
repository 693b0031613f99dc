import { describe, expect, it } from "vitest";
import { entryNames, namesEntry } from "#src/cli/entry-names.js";

const entries = Array.from({ length: 20 }, (_, ordinal) => ({
  ordinal,
  name: `IM${ordinal}`,
  size: 1,
  read: async () => new Uint8Array(1),
}));

describe("entryNames", () => {
  it.each([
    ["entry 4 is no image", [4]],
    ["the series of entry 0 has slices of different patient IDs: entries 0 and 1, expected one patient", [0, 1]],
    ["entries 2, 3, 15 are no images and were left out", [2, 3, 15]],
    ["entries 2, 3 and 15 more are no images and were left out", [2, 3]],
    ["entry 1, 2 slices of it", [1]],
    ["entry 99 is not there", []],
    ["archive of 12 entries, expected 3", []],
  ])("finds the files of %j", (message, ordinals) => {
    expect(entryNames(message, entries)).toEqual(ordinals.map((one) => `entry ${one} is IM${one}`));
  });

  it("says whether a message names any", () => {
    expect(namesEntry("entries 0 and 1 differ")).toBe(true);
    expect(namesEntry("archive of 12 entries, expected 3")).toBe(false);
  });
});
