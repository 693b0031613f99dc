import { describe, expect, it } from "vitest";
import type { Grid } from "#src/imaging/volume.js";
import { sourceOrientation } from "#src/stages/source-orientation.js";

const grid: Grid = { size: [4, 4, 2], affineRas: [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 2, 0], spacingMm: [1, 1, 2] };
const nowhere: Grid = { ...grid, spacingMm: null };

describe("sourceOrientation", () => {
  it("is that of the grid where the source says where it lies", () => {
    expect(sourceOrientation(grid, "nifti", [])).toBe("LPS");
    expect(sourceOrientation(grid, "dicom", [{ code: "EmptyMask" }])).toBe("LPS");
  });

  it("is unknown where a reader had to guess the place", () => {
    expect(sourceOrientation(grid, "nifti", [{ code: "PlacementUnknown" }])).toBeNull();
    expect(sourceOrientation(grid, "dicom", [{ code: "PlacementUnknown" }])).toBeNull();
  });

  it("is unknown of pictures and volumes without a spacing, but not of a DICOM slice that has a place", () => {
    expect(sourceOrientation(nowhere, "png", [])).toBeNull();
    expect(sourceOrientation(nowhere, "nrrd", [])).toBeNull();
    expect(sourceOrientation(nowhere, "dicom", [{ code: "SpacingUnknown" }])).toBe("LPS");
  });
});
