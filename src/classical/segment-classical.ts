import { PipelineError } from "#src/core/errors.js";
import type { Affine, Size3, Vec3 } from "#src/imaging/affine.js";
import type { ClassicalMethod } from "#src/model/classical-method.js";
import { classifyVoxels } from "./classify-voxels.js";
import { chanVeseMask, geodesicMask } from "./contours.js";
import { floodMask } from "./flood.js";
import { grownMask } from "./grow.js";

/** An image on its own grid. */
export interface ClassicalInput {
  readonly size: Size3;
  readonly affineRas: Affine;
  /** Null where unknown: methods with a parameter in millimetres are refused. */
  readonly spacingMm: Vec3 | null;
  /** One array a channel, x fastest. Methods of one object read the first. */
  readonly channels: readonly Float32Array[];
}

export interface ClassicalOutput {
  /** On the image's grid. */
  readonly labels: Uint8Array | Uint16Array;
  /** Of each label, on the image's grid; null for methods that decide without them. */
  readonly probabilities: ReadonlyMap<number, Float32Array> | null;
}

/**
 * Segments an image by a classical method. The same input gives the same output: there is no chance in any of them.
 *
 * @throws {PipelineError} `InputMismatch` for voxels that are not finite, for a parameter in millimetres on an image
 *   without spacing, and for seeds outside the image
 */
export function segmentClassical(input: ClassicalInput, method: ClassicalMethod): ClassicalOutput {
  for (const [n, channel] of input.channels.entries()) assertFinite(channel, n);
  switch (method.kind) {
    case "k-means":
    case "fuzzy-c-means":
    case "fuzzy-neuro": {
      const { labels, probabilities } = classifyVoxels(input, method);
      return { labels: narrow(labels), probabilities };
    }
    case "region-growing":
      return object(grownMask(input, method), method.label);
    case "chan-vese":
      return object(chanVeseMask(input, method), method.label);
    case "geodesic-contour":
      return object(geodesicMask(input, method), method.label);
    case "watershed":
      return object(floodMask(input, method), method.label);
  }
}

function object(mask: Uint8Array, label: number): ClassicalOutput {
  return { labels: narrow(Uint16Array.from(mask, (inside) => inside * label)), probabilities: null };
}

/** 8 bits where that loses nothing, as label maps of networks have. */
function narrow(labels: Uint8Array | Uint16Array): Uint8Array | Uint16Array {
  return labels.every((label) => label < 256) ? Uint8Array.from(labels) : labels;
}

function assertFinite(channel: Float32Array, n: number): void {
  let sum = 0;
  for (let i = 0; i < channel.length; i++) sum += Math.abs(channel[i] ?? 0);
  if (Number.isFinite(sum)) return;
  throw new PipelineError(
    "InputMismatch",
    `image ${n + 1} holds voxels that are not finite, a classical method expects numbers`,
  );
}
