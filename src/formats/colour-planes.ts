import type { ScanWarning } from "#src/core/warnings.js";
import type { VoxelArray } from "#src/imaging/volume.js";

/** Of every colour image: formats do not know what the model asks for. Stages drop it where the model names a channel. */
export const COLOUR_REDUCED: ScanWarning = {
  code: "ColourReduced",
  message: "the image is in colour; its brightness (ITU-R BT.601) is read",
};

/**
 * Interleaved colour as one array a channel: red, green, blue. A fourth component is alpha and is left out.
 *
 * @param components numbers a pixel: 3, or 4 with alpha
 * @param opaque the largest alpha
 * @returns isTransparent: whether any alpha was below `opaque`
 */
export function colourPlanes(
  pixels: VoxelArray,
  components: 3 | 4,
  opaque: number,
): { readonly channels: readonly [Float32Array, Float32Array, Float32Array]; readonly isTransparent: boolean } {
  const count = pixels.length / components;
  const channels = [new Float32Array(count), new Float32Array(count), new Float32Array(count)] as const;
  const [red, green, blue] = channels;
  let isTransparent = false;
  for (let i = 0, from = 0; i < count; i++, from += components) {
    red[i] = pixels[from] ?? 0;
    green[i] = pixels[from + 1] ?? 0;
    blue[i] = pixels[from + 2] ?? 0;
    if (components === 4 && (pixels[from + 3] ?? 0) < opaque) isTransparent = true;
  }
  return { channels, isTransparent };
}
