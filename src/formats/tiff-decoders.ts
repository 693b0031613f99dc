import { addDecoder, BaseDecoder } from "geotiff";
import { unpackDeflate, unpackLzw, unpackPackBits } from "./tiff-unpack.js";

type Unpack = (packed: Uint8Array, limit: number) => Uint8Array;

/**
 * Puts our own unpacking in the place of geotiff's, whose own has no limit: a damaged LZW strip ends the process, and
 * by its code nothing holds back PackBits and deflate either.
 */
export function limitTiffDecoders(): void {
  addDecoder(5, async () => limited(unpackLzw), parametersOf);
  addDecoder(32_773, async () => limited(unpackPackBits), parametersOf);
  addDecoder([8, 32_946], async () => limited(unpackDeflate), parametersOf);
}

function limited(unpack: Unpack): typeof BaseDecoder {
  return class extends BaseDecoder {
    override decodeBlock(buffer: ArrayBufferLike): ArrayBufferLike {
      const { tileWidth, tileHeight, bitsPerSample } = this.parameters;
      const bits =
        typeof bitsPerSample === "number" ? bitsPerSample : Array.from(bitsPerSample).reduce((a, b) => a + b, 0);
      return unpack(new Uint8Array(buffer), Math.ceil((tileWidth * tileHeight * bits) / 8)).slice().buffer;
    }
  };
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
  };
};
