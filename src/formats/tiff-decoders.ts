import { addDecoder, BaseDecoder, type GeoTIFFImage } from "geotiff";
import { undoPredictor } from "./tiff-predictor.js";
import { unpackDeflate, unpackLzw, unpackPackBits } from "./tiff-unpack.js";

type Unpack = (packed: Uint8Array, limit: number) => Uint8Array;

/**
 * Puts our own unpacking in the place of geotiff's, whose own has no limit: a damaged LZW strip ends the process, and
 * by its code nothing holds back PackBits and deflate either. Its predictors take every file for a little-endian one.
 */
export function limitTiffDecoders(): void {
  addDecoder(5, async () => limited(unpackLzw), parametersOf);
  addDecoder(32_773, async () => limited(unpackPackBits), parametersOf);
  addDecoder([8, 32_946], async () => limited(unpackDeflate), parametersOf);
}

function limited(unpack: Unpack): typeof BaseDecoder {
  return class extends BaseDecoder {
    override async decode(buffer: ArrayBufferLike): Promise<ArrayBufferLike> {
      const { tileWidth, tileHeight, predictor, planarConfiguration } = this.parameters;
      const bits = bitsOf(this.parameters.bitsPerSample);
      // Each row begins with a byte.
      const rowBytes = Math.ceil((tileWidth * bits.reduce((a, b) => a + b, 0)) / 8);
      const block = unpack(new Uint8Array(buffer), rowBytes * tileHeight);
      undoPredictor(block, predictor, {
        samples: tileWidth * (planarConfiguration === 2 ? 1 : bits.length),
        apart: planarConfiguration === 2 ? 1 : bits.length,
        bits,
        isLittleEndian: isLittleEndian(this.parameters),
      });
      return block.buffer;
    }
  };
}

function bitsOf(bits: number | ArrayLike<number>): number[] {
  return typeof bits === "number" ? [bits] : Array.from(bits);
}

/** Directories of big-endian files: what geotiff gives a decoder does not say. */
const bigEndian = new WeakSet<object>();

/** To be called before a page is decoded. */
export function noteByteOrder({ fileDirectory, littleEndian }: GeoTIFFImage): void {
  if (!littleEndian) bigEndian.add(fileDirectory);
}

function isLittleEndian(parameters: object): boolean {
  return !("isBigEndian" in parameters && parameters.isBigEndian === true);
}

type ParametersOf = NonNullable<Parameters<typeof addDecoder>[2]>;

const parametersOf: ParametersOf = async (directory) => {
  const value = async (
    tag:
      | "TileWidth"
      | "TileLength"
      | "ImageWidth"
      | "ImageLength"
      | "RowsPerStrip"
      | "Predictor"
      | "PlanarConfiguration",
  ) => Number((await directory.loadValue(tag)) ?? 0);
  const isTiled = !directory.hasTag("StripOffsets");
  const rows = await value("ImageLength");
  const strip = (await value("RowsPerStrip")) || rows;
  return {
    tileWidth: await value(isTiled ? "TileWidth" : "ImageWidth"),
    tileHeight: isTiled ? await value("TileLength") : Math.min(strip, rows),
    planarConfiguration: (await value("PlanarConfiguration")) || 1,
    bitsPerSample: (await directory.loadValue("BitsPerSample")) ?? 8,
    predictor: (await value("Predictor")) || 1,
    isBigEndian: bigEndian.has(directory),
  };
};
