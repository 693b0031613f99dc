import { fromArrayBuffer, type GeoTIFFImage } from "geotiff";
import { PipelineError } from "#src/core/errors.js";
import type { VoxelArray } from "#src/imaging/volume.js";
import { assertPixels, type RasterPage } from "./raster.js";
import { limitTiffDecoders, noteByteOrder } from "./tiff-decoders.js";
import type { VolumeFile } from "./volume-file.js";

limitTiffDecoders();

/** Compressions that are read, by their tag's value: none, LZW, deflate (new and old), PackBits. */
const COMPRESSIONS: ReadonlySet<number> = new Set([1, 5, 8, 32_946, 32_773]);
/** Photometric interpretations that are read: grey of both directions, RGB, palette. */
const PHOTOMETRIC: ReadonlySet<number> = new Set([0, 1, 2, 3]);
/** LZW makes at most 1,365 bytes of one. */
const PIXELS_A_BYTE = 1366;
const MAX_PAGES = 1000;
const BITS_PER_SAMPLE = 258;

/** Pages of a TIFF file, each an image of its own. @throws {PipelineError} InputUnreadable, InputUnsupported */
export async function countTiffPages(file: VolumeFile): Promise<number> {
  return (await pagesOf(file)).length;
}

async function pagesOf({ bytes, subject }: VolumeFile): Promise<readonly GeoTIFFImage[]> {
  const tiff = await fromArrayBuffer(new Uint8Array(bytes).buffer);
  // Lists that are read later are taken for little-endian ones by geotiff 3.0.5; those read at once are not.
  tiff.parser.eager = true;
  // Counted by following the chain, which a damaged file may close to a ring.
  const pages: GeoTIFFImage[] = [];
  for (let n = 0; n <= MAX_PAGES; n++) {
    const page = await tiff.getImage(n).catch((error: unknown) => {
      if (n > 0 && error instanceof Error && error.constructor.name === "GeoTIFFImageIndexError") return null;
      throw error;
    });
    if (page === null) break;
    setDefaultBits(page);
    const subfile: unknown = page.fileDirectory.getValue("NewSubfileType");
    if (typeof subfile !== "number" || (subfile & 1) === 0) pages.push(page);
  }
  if (pages.length > MAX_PAGES) {
    throw new PipelineError("InputUnsupported", `${subject} has more than ${MAX_PAGES} pages, expected at most that`);
  }
  const [first] = pages;
  if (first === undefined) throw new PipelineError("InputUnreadable", `${subject} has no page, expected one or more`);
  if (pages.some((page) => page.getWidth() !== first.getWidth() || page.getHeight() !== first.getHeight())) {
    throw new PipelineError("InputUnsupported", `${subject} has pages of several sizes, expected one size`);
  }
  return pages;
}

/** A file that does not say so has one bit a sample (TIFF 6.0, section 8), which geotiff takes for none. */
function setDefaultBits(page: GeoTIFFImage): void {
  if (page.fileDirectory.hasTag("BitsPerSample")) return;
  page.fileDirectory.actualizedFields.set(BITS_PER_SAMPLE, new Array<number>(page.getSamplesPerPixel()).fill(1));
}

/** One page. @throws {PipelineError} InputUnreadable, InputUnsupported, InputUnsafe */
export async function readTiff(file: VolumeFile, number: number): Promise<RasterPage> {
  const { bytes, subject } = file;
  const page = (await pagesOf(file))[number];
  if (page === undefined) throw new RangeError(`page ${number} is not in the file`);
  const [width, height, samples] = [page.getWidth(), page.getHeight(), page.getSamplesPerPixel()];
  const directory = page.fileDirectory;
  const compression = Number(directory.getValue("Compression") ?? 1);
  const photometric = Number(directory.getValue("PhotometricInterpretation") ?? 1);
  const bits = Array.from({ length: Math.min(samples, 4) }, (_, i) => page.getBitsPerSample(i));
  const refuse = (found: string, expected: string) =>
    new PipelineError("InputUnsupported", `${subject} is a TIFF file with ${found}, expected ${expected}`);
  if (!COMPRESSIONS.has(compression)) {
    throw refuse(`compression ${compression}`, "none, LZW, deflate or PackBits (1, 5, 8, 32946, 32773)");
  }
  if (!PHOTOMETRIC.has(photometric)) {
    throw refuse(`photometric interpretation ${photometric}`, "grey, RGB or a palette (0 to 3)");
  }
  if (!bits.every((depth) => [1, 2, 4, 8, 16, 32, 64].includes(depth))) {
    throw refuse(`${bits.join(", ")} bits a sample`, "1, 2, 4, 8, 16, 32 or 64");
  }
  const isColour = photometric === 2;
  const isPalette = photometric === 3;
  const most = isColour ? 4 : isPalette ? 1 : 2;
  const least = isColour ? 3 : 1;
  if (samples < least || samples > most) {
    throw refuse(`${samples} samples a pixel`, least === most ? `${most}` : `${least} or ${most}`);
  }
  assertPixels(width, height, bytes.length, PIXELS_A_BYTE, subject);
  // A tile is decoded whole, so that its size counts as that of the picture does.
  assertPixels(page.getTileWidth(), page.getTileHeight(), bytes.length, PIXELS_A_BYTE, subject);
  noteByteOrder(page);
  const pixels: VoxelArray = (await page.readRasters({ interleave: true })) as VoxelArray;
  if (isPalette) return coloured(width, height, pixels, await directory.loadValue("ColorMap"));
  const opaque = page.getSampleFormat() === 3 ? 1 : 2 ** (bits.at(-1) ?? 8) - 1;
  if (samples === 2) return greyOf(width, height, pixels, opaque);
  return { width, height, pixels, components: isColour ? (samples === 4 ? 4 : 3) : 1, opaque };
}

/** Grey with alpha as grey. */
function greyOf(width: number, height: number, pixels: VoxelArray, opaque: number): RasterPage {
  const isTransparent = pixels.some((value, i) => i % 2 === 1 && value < opaque);
  return { width, height, pixels: pixels.filter((_, i) => i % 2 === 0), components: 1, opaque, isTransparent };
}

/** @param map all reds, then greens, then blues, of 16 bits: its upper byte is the colour */
function coloured(width: number, height: number, pixels: VoxelArray, map: ArrayLike<number> | undefined): RasterPage {
  if (map === undefined || map.length % 3 !== 0) throw new RangeError("a palette needs three colours an entry");
  const length = map.length / 3;
  const colours = new Uint8Array(pixels.length * 3);
  for (let i = 0; i < pixels.length; i++) {
    for (let c = 0; c < 3; c++) colours[i * 3 + c] = (map[c * length + (pixels[i] ?? 0)] ?? 0) >> 8;
  }
  return { width, height, pixels: colours, components: 3, opaque: 255 };
}
