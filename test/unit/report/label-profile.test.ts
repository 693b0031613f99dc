import { describe, expect, it } from "vitest";
import { labelProfile } from "#src/report/label-profile.js";

describe("labelProfile", () => {
  it("counts the voxels of any label in each layer", () => {
    const size = [7, 5, 3] as const;
    // Runs at both ends of a row, of several labels, and rows that are full or empty.
    const labels = Uint8Array.from({ length: 105 }, (_, i) => (i < 7 || i % 3 === 0 || i % 7 > 4 ? (i % 4) + 1 : 0));
    labels.fill(0, 35, 42);
    const [byX, byY, byZ] = [new Uint32Array(7), new Uint32Array(5), new Uint32Array(3)];
    for (const [i, label] of labels.entries()) {
      if (label === 0) continue;
      for (const [counts, n] of [
        [byX, i % 7],
        [byY, Math.floor(i / 7) % 5],
        [byZ, Math.floor(i / 35)],
      ] as const)
        counts[n] = (counts[n] ?? 0) + 1;
    }
    expect(labelProfile(labels, size)).toEqual([byX, byY, byZ]);
  });
});
