import { PipelineError } from "#src/core/errors.js";
import { readNifti } from "#src/formats/nifti-read.js";
import type { Grid } from "#src/imaging/volume.js";
import { cornerDistance } from "./slice-planes.js";

/** Farthest that a corner of the written grid may lie off: what single precision leaves of an affine, and no more. */
const CORNER_MM = 0.01;

/** Half a step of 16 bits, and what single precision adds. */
const PROBABILITY_STEP = 0.51 / 65_535;

/**
 * Reads a file of probabilities of several labels again from its bytes and compares every voxel, which is kept in steps of
 * 1 / 65535, and the place of the grid's corners in the patient, with what was to be written.
 *
 * @param expected one array a label, in the order of the fourth axis
 * @throws {PipelineError} `ResultInvalid`: nothing may be published
 */
export function proveProbabilities(bytes: Uint8Array, expected: readonly Float32Array[], grid: Grid): void {
  const image = readNifti(bytes);
  proveGrid(image, grid, "file of probabilities");
  if (image.channels !== expected.length) {
    const message = `written file of probabilities has ${image.channels} labels, expected ${expected.length}`;
    throw new PipelineError("ResultInvalid", message);
  }
  let differing = 0;
  for (const [n, values] of expected.entries()) {
    for (let i = 0; i < values.length; i++) {
      const found = image.data[n * values.length + i] as number;
      if (!(Math.abs(found - (values[i] as number)) <= PROBABILITY_STEP)) differing++;
    }
  }
  if (differing === 0) return;
  throw new PipelineError(
    "ResultInvalid",
    `written file of probabilities differs in ${differing} voxels, expected none`,
  );
}

/**
 * Reads a map of where a network is unsure again from its bytes: on the label map's grid, every value from 0 to 1.
 *
 * @param what how a message calls the map
 * @returns its values, x fastest
 * @throws {PipelineError} `ResultInvalid`: nothing may be published
 */
export function proveUncertainty(bytes: Uint8Array, grid: Grid, what: string): ArrayLike<number> {
  const { data, warnings, ...image } = readNifti(bytes);
  proveGrid(image, grid, `map of ${what}`);
  // Reading makes 0 of what is no number, and says so.
  const [odd] = warnings.filter(({ code }) => code === "NonFiniteVoxels");
  if (odd !== undefined) throw new PipelineError("ResultInvalid", `map of ${what}: ${odd.message}, expected none`);
  let outside = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (!(value >= 0 && value <= 1)) outside++;
  }
  if (outside === 0) return data;
  throw new PipelineError("ResultInvalid", `map of ${what} has ${outside} voxels outside 0 to 1, expected none`);
}

/**
 * Compares the grid of a NIfTI file, as it was read from its bytes, with the one it is to be on: its size, and the place
 * of its corners in the patient. A grid without spacing has no place: there the file must claim none either.
 *
 * @param what how a message calls the file
 * @throws {PipelineError} `ResultInvalid`: nothing may be published
 */
export function proveGrid(image: Grid, grid: Grid, what: string): void {
  if (image.size.join() !== grid.size.join()) {
    const wanted = grid.size.join(" x ");
    throw new PipelineError(
      "ResultInvalid",
      `written ${what} has ${image.size.join(" x ")} voxels, expected ${wanted}`,
    );
  }
  if (grid.spacingMm === null) {
    if (image.spacingMm === null) return;
    const message = `written ${what} has voxels of ${image.spacingMm.join(" x ")} mm, expected no spacing`;
    throw new PipelineError("ResultInvalid", message);
  }
  const off = cornerDistance(image.affineRas, grid.affineRas, grid.size);
  if (!(off <= CORNER_MM)) {
    const message = `a corner of the written ${what} lies ${off.toFixed(3)} mm off, expected at most ${CORNER_MM} mm`;
    throw new PipelineError("ResultInvalid", message);
  }
}
