import { describe, expect, it } from "vitest";
import { readGlb } from "#src/formats/mesh-read.js";
import type { ModelLabel } from "#src/model/manifest.js";
import { meshOutput } from "#src/stages/outputs/mesh-output.js";

const code = { value: "85756007", scheme: "SCT", meaning: "Tissue" } as const;
const segments = ["one", "two", "nowhere"].map(
  (name, n): ModelLabel => ({
    value: n + 1,
    name,
    displayName: name,
    category: code,
    type: code,
    colourRgb: [255, 0, 51 * n],
  }),
);
const grid = {
  size: [4, 3, 2] as const,
  affineRas: [2, 0, 0, 5, 0, 2, 0, 6, 0, 0, 3, 7] as const,
  spacingMm: [2, 2, 3] as const,
};
const labels = Uint8Array.from({ length: 24 }, (_, i) => (i % 4 < 2 ? 1 : i > 20 ? 2 : 0));

describe("meshOutput", () => {
  it("makes an STL of each structure that is there, and one GLB of all in their colours", () => {
    expect(meshOutput("stl", labels, grid, segments).map(({ name }) => name)).toEqual([
      "surface-1.stl",
      "surface-2.stl",
    ]);
    const [glb, ...others] = meshOutput("glb", labels, grid, segments);
    expect([glb?.name, others]).toEqual(["surfaces.glb", []]);
    const bytes = Buffer.from(glb?.bytes ?? []);
    expect(readGlb(bytes).map(({ name }) => name)).toEqual(["one", "two"]);
    const { materials } = JSON.parse(bytes.toString("utf8", 20, 20 + bytes.readUInt32LE(12)));
    const colours = materials.map((material: Record<string, { baseColorFactor: number[] }>) => {
      return material.pbrMetallicRoughness?.baseColorFactor;
    });
    // 51 of 255 is 0.2 on the screen: ((0.2 + 0.055) / 1.055) ** 2.4 in linear light.
    expect(colours).toEqual([
      [1, 0, 0, 1],
      [1, 0, 0.0331, 1],
    ]);
  });

  it("makes no file where no structure is, and refuses a grid without voxel size", () => {
    for (const format of ["stl", "glb"] as const) {
      expect(meshOutput(format, new Uint8Array(24), grid, segments)).toEqual([]);
      expect(() => meshOutput(format, labels, { ...grid, spacingMm: null }, segments)).toThrow(
        expect.objectContaining({ code: "InputMismatch" }),
      );
    }
  });
});
