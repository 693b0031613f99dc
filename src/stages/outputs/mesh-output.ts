import { PipelineError } from "#src/core/errors.js";
import { readGlb, readStl } from "#src/formats/mesh-read.js";
import { writeGlb, writeStl } from "#src/formats/mesh-write.js";
import { labelBoxes } from "#src/imaging/label-boxes.js";
import { labelSurface } from "#src/imaging/label-surface.js";
import type { Grid } from "#src/imaging/volume.js";
import type { ModelLabel } from "#src/model/manifest.js";
import { proveSurface } from "#src/stages/proof/prove-mesh.js";
import { RESULT_FILES, surfaceFile } from "#src/storage/keys.js";
import type { MadeFile } from "./made-file.js";

/**
 * The structures that are there as closed surfaces through the borders of their voxels: one GLB with a node a
 * structure, in its colour, or one STL a structure. Where no structure is, there is no file.
 *
 * @throws {PipelineError} `InputMismatch` for an image without voxel size
 */
export function meshOutput(
  format: "glb" | "stl",
  labels: Uint8Array | Uint16Array,
  grid: Grid,
  segments: readonly ModelLabel[],
): MadeFile[] {
  if (grid.spacingMm === null) {
    throw new PipelineError("InputMismatch", "image does not say how large a voxel is, which surfaces need");
  }
  const boxes = labelBoxes(
    labels,
    grid.size,
    segments.map(({ value }) => value),
  );
  const meshes = segments.flatMap(({ value, name, colourRgb }) => {
    const box = boxes.get(value);
    return box === undefined
      ? []
      : [{ value, name, colourRgb, mesh: labelSurface(labels, grid.size, value, box, grid.affineRas) }];
  });
  if (meshes.length === 0) return [];
  if (format === "stl") {
    return meshes.map(({ value, mesh }) => {
      const bytes = writeStl(mesh);
      proveSurface(readStl(bytes), value, labels, grid);
      return { name: surfaceFile(value), bytes, contentType: "model/stl" };
    });
  }
  const bytes = writeGlb(meshes);
  const read = readGlb(bytes);
  if (read.length !== meshes.length) {
    throw new PipelineError("ResultInvalid", `the written GLB has ${read.length} surfaces, expected ${meshes.length}`);
  }
  for (const { value, name } of meshes) {
    const corners = read.find((surface) => surface.name === name)?.corners ?? new Float64Array(0);
    proveSurface(corners, value, labels, grid);
  }
  return [{ name: RESULT_FILES.surfaces, bytes, contentType: "model/gltf-binary" }];
}
