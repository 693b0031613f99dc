import { PipelineError } from "#src/core/errors.js";
import type { Size3, Vec3 } from "#src/imaging/affine.js";
import { type Box, cropBox } from "#src/imaging/crop.js";
import { growBoxBy, labelBoxes } from "#src/imaging/label-boxes.js";
import { type LabelMap, type RefineInput, wholeImageFor } from "./refine-state.js";

/** The image, for a step that compares its voxels. @throws {PipelineError} `ContractViolation` for one that is no number */
export function finiteImageFor(state: RefineInput, subject: string): Float32Array {
  const image = wholeImageFor(state, subject);
  let sum = 0;
  for (let i = 0; i < image.length; i++) sum += Math.abs(image[i] ?? 0);
  if (Number.isFinite(sum)) return image;
  throw new PipelineError("ContractViolation", `${subject} needs an image of finite voxels, found one that is not`);
}

/** A length as whole voxels along each axis, at least one. */
export function marginVox(mm: number, spacingMm: Vec3): Size3 {
  const along = (axis: 0 | 1 | 2): number => Math.max(1, Math.ceil(mm / spacingMm[axis]));
  return [along(0), along(1), along(2)];
}

/** The box around all labels with a margin; null for a map of background. */
export function labelledBox(labels: LabelMap, size: Size3, margin: Size3): Box | null {
  const mask = Uint8Array.from(labels, (label) => (label === 0 ? 0 : 1));
  const box = labelBoxes(mask, size, [1]).get(1);
  return box === undefined ? null : growBoxBy(box, size, margin);
}

/** The image inside a box, less the mean and over the standard deviation of the whole image. */
export function standardisedIn(image: Float32Array, size: Size3, box: Box): Float32Array {
  let sum = 0;
  for (let i = 0; i < image.length; i++) sum += image[i] ?? 0;
  const mean = sum / Math.max(1, image.length);
  let squares = 0;
  for (let i = 0; i < image.length; i++) squares += ((image[i] ?? 0) - mean) ** 2;
  const deviation = Math.sqrt(squares / Math.max(1, image.length)) || 1;
  return cropBox(image, size, box).map((value) => (value - mean) / deviation);
}
