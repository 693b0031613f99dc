import { PipelineError } from "#src/core/errors.js";
import { writePngLabels } from "#src/formats/png-labels.js";
import { volumeFormatNamed } from "#src/formats/volume-formats.js";
import type { Size3 } from "#src/imaging/affine.js";

/**
 * The label map of a picture as PNG, read back from its bytes and compared pixel by pixel before it is given out.
 *
 * @throws {PipelineError} ResultInvalid when the label map has several slices, or any pixel differs
 */
export async function provenPngLabels(labels: Uint8Array | Uint16Array, size: Size3): Promise<Uint8Array> {
  if (size[2] !== 1) {
    throw new PipelineError("ResultInvalid", `label map of a picture has ${size[2]} slices, expected one`);
  }
  const bytes = writePngLabels(labels, size);
  const sibling = async () => {
    throw new RangeError("a PNG file has no data file beside it");
  };
  const read = await volumeFormatNamed("png")?.read({ bytes, subject: "labels.png", name: "", sibling }, 0);
  const pixels = read?.channels[0];
  const isSame = pixels?.length === labels.length && pixels.every((value, i) => value === labels[i]);
  if (!isSame || read?.grid.size[0] !== size[0]) {
    throw new PipelineError("ResultInvalid", "labels.png read back differs from the label map, nothing was published");
  }
  return bytes;
}
