import { PipelineError } from "#src/core/errors.js";
import { readNifti } from "#src/formats/nifti-read.js";
import type { Grid } from "#src/imaging/volume.js";
import { cornerDistance } from "./slice-planes.js";

/** Farthest that a corner of the written grid may lie off: what single precision leaves of an affine, and no more. */
const CORNER_MM = 0.01;

/**
 * Reads a NIfTI file again from its bytes and compares every voxel, and the place of the grid's corners in the patient,
 * with what was to be written.
 *
 * @param what how messages name it: "label map"
 * @param expected values on the grid, x fastest
 * @throws {PipelineError} `ResultInvalid`: nothing may be published
 */
export function proveNifti(bytes: Uint8Array, expected: ArrayLike<number>, grid: Grid, what = "label map"): void {
  const image = readNifti(bytes);
  if (image.size.join() !== grid.size.join()) {
    const wanted = grid.size.join(" x ");
    throw new PipelineError(
      "ResultInvalid",
      `written ${what} has ${image.size.join(" x ")} voxels, expected ${wanted}`,
    );
  }
  const off = cornerDistance(image.affineRas, grid.affineRas, grid.size);
  if (!(off <= CORNER_MM)) {
    const message = `a corner of the written ${what} lies ${off.toFixed(3)} mm off, expected at most ${CORNER_MM} mm`;
    throw new PipelineError("ResultInvalid", message);
  }
  let differing = Math.abs(image.data.length - expected.length);
  for (let i = 0; i < expected.length; i++) if (image.data[i] !== expected[i]) differing++;
  if (differing > 0)
    throw new PipelineError("ResultInvalid", `written ${what} differs in ${differing} voxels, expected none`);
}
