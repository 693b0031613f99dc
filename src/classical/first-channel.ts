import { PipelineError } from "#src/core/errors.js";
import type { ClassicalInput } from "./segment-classical.js";

/** The channel that methods of one object read. */
export function firstChannel({ channels }: ClassicalInput): Float32Array {
  const [image] = channels;
  if (image) return image;
  throw new PipelineError("ContractViolation", "classical method got no image, expected at least one");
}

/** The image less its mean, over its standard deviation (population), so that parameters fit images of any scale. */
export function standardised(image: Float32Array): Float32Array {
  let sum = 0;
  for (let i = 0; i < image.length; i++) sum += image[i] ?? 0;
  const mean = sum / Math.max(1, image.length);
  let squares = 0;
  for (let i = 0; i < image.length; i++) squares += ((image[i] ?? 0) - mean) ** 2;
  const deviation = Math.sqrt(squares / Math.max(1, image.length));
  return deviation > 0 ? image.map((value) => (value - mean) / deviation) : new Float32Array(image.length);
}
