import { buildDicom, type DicomElements, SYNTAX } from "./dicom-builder.js";
import { type PhantomSeries, phantomSlice } from "./phantom-series.js";

const sq = (...items: DicomElements[]) => ({ vr: "SQ", Value: items });

/** One frame of an enhanced object: slice k of a phantom, and what tells its volume from others. */
export interface EnhancedFrame {
  readonly k: number;
  readonly stackId?: string;
  readonly temporal?: number;
  readonly frameType?: string;
  /** Slope and intercept of the frame, instead of the slice's. */
  readonly rescale?: readonly [number, number];
}

/**
 * An enhanced MR object whose frames are phantom slices in the order given. Orientation and measures are shared,
 * position and rescale each frame's own. Everything that a classic slice says at the top is taken away.
 */
export function enhancedFile(
  options: PhantomSeries,
  frames: readonly EnhancedFrame[],
  edit: (elements: DicomElements) => void = () => undefined,
): Uint8Array {
  const slices = frames.map(({ k }) => phantomSlice(options, k));
  const root = phantomSlice(options, 0);
  const pixels = Buffer.concat(slices.map((slice) => new Uint8Array(slice["7FE00010"]?.Value?.[0] as ArrayBuffer)));
  root["00080016"] = { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.4.1"] };
  root["00280008"] = { vr: "IS", Value: [String(frames.length)] };
  root["7FE00010"] = { vr: "OW", Value: [new Uint8Array(pixels).buffer] };
  const pick = (from: DicomElements, ...tags: string[]): DicomElements =>
    Object.fromEntries(tags.flatMap((tag) => (from[tag] === undefined ? [] : [[tag, from[tag]]])));
  root["52009229"] = sq({
    "00209116": sq(pick(root, "00200037")),
    "00289110": sq(pick(root, "00180050", "00280030")),
  });
  root["52009230"] = sq(
    ...frames.map(({ stackId = "1", temporal = 1, frameType, rescale }, n) => ({
      ...(frameType === undefined
        ? {}
        : { "00189226": sq({ "00089007": { vr: "CS", Value: frameType.split("\\") } }) }),
      "00209111": sq({
        "00209056": { vr: "SH", Value: [stackId] },
        "00209128": { vr: "UL", Value: [temporal] },
      }),
      "00209113": sq(pick(slices[n] ?? {}, "00200032")),
      "00289145": sq(
        rescale === undefined
          ? pick(slices[n] ?? {}, "00281052", "00281053")
          : {
              "00281052": { vr: "DS", Value: [String(rescale[1])] },
              "00281053": { vr: "DS", Value: [String(rescale[0])] },
            },
      ),
    })),
  );
  for (const tag of ["00180050", "00200032", "00200037", "00280030", "00281052", "00281053"]) delete root[tag];
  edit(root);
  return buildDicom(root, SYNTAX.explicitLittle);
}

/**
 * A Siemens mosaic of phantom slices, in the way of that vendor: tiles row by row, and a position that would put an
 * image of the mosaic's size about the same centre.
 *
 * @param normal what the CSA header says is the way from each slice to the next
 */
export function mosaicFile(
  options: PhantomSeries & { readonly size: readonly [number, number, number] },
  normal: readonly [number, number, number],
  edit: (elements: DicomElements) => void = () => undefined,
): Uint8Array {
  const [columns, rows, count] = options.size;
  const across = Math.ceil(Math.sqrt(count));
  const root = phantomSlice(options, 0);
  const numbers = (tag: string) => (root[tag]?.Value ?? []).map(Number);
  const [dy = 1, dx = 1] = numbers("00280030");
  const orientation = numbers("00200037");
  const position = numbers("00200032").map(
    (from, axis) =>
      from -
      ((orientation[axis] ?? 0) * dx * columns * (across - 1)) / 2 -
      ((orientation[axis + 3] ?? 0) * dy * rows * (across - 1)) / 2,
  );
  const image = new Int16Array(columns * rows * across * across);
  for (let k = 0; k < count; k++) {
    // One rescale holds for the whole image: values are stored as they are.
    const tile = new Int16Array(phantomSlice(options, k)["7FE00010"]?.Value?.[0] as ArrayBuffer);
    const [left, top] = [(k % across) * columns, Math.floor(k / across) * rows];
    for (let j = 0; j < rows; j++) {
      image.set(tile.subarray(j * columns, (j + 1) * columns), (top + j) * columns * across + left);
    }
  }
  root["00080008"] = { vr: "CS", Value: ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"] };
  root["00180088"] = { vr: "DS", Value: [String(options.spacingMm?.[2] ?? 3)] };
  root["00200032"] = { vr: "DS", Value: position.map(String) };
  root["00280010"] = { vr: "US", Value: [rows * across] };
  root["00280011"] = { vr: "US", Value: [columns * across] };
  root["00281052"] = { vr: "DS", Value: ["0"] };
  root["00281053"] = { vr: "DS", Value: ["1"] };
  root["00290010"] = { vr: "LO", Value: ["SIEMENS CSA HEADER"] };
  const csa = csaHeader({
    EchoLinePosition: ["36"],
    NumberOfImagesInMosaic: [String(count)],
    SliceNormalVector: normal.map((cosine) => cosine.toFixed(8)),
  });
  root["00291010"] = { vr: "OB", Value: [new Uint8Array(csa).buffer] };
  root["7FE00010"] = { vr: "OW", Value: [image.buffer] };
  edit(root);
  return buildDicom(root);
}

/** A CSA header of version 2: names of 64 bytes, items with their length four times over. */
function csaHeader(tags: Readonly<Record<string, readonly string[]>>): Uint8Array {
  const parts: Buffer[] = [Buffer.from("SV10\x04\x03\x02\x01", "latin1"), words(Object.keys(tags).length, 77)];
  for (const [name, values] of Object.entries(tags)) {
    const label = Buffer.alloc(64);
    label.write(name, "latin1");
    // An item without text stands for a value that is not set.
    const items = [...values, ""];
    parts.push(label, words(values.length), Buffer.from("FD\0\0", "latin1"), words(4, items.length, 77));
    for (const value of items) {
      const text = Buffer.alloc(Math.ceil(value.length / 4) * 4);
      text.write(value, "latin1");
      parts.push(words(value.length, value.length, 77, value.length), text);
    }
  }
  return Buffer.concat(parts);
}

function words(...values: readonly number[]): Buffer {
  return Buffer.from(Uint32Array.from(values).buffer);
}
